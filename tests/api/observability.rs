//! What is measured of the calls of DynamoDB, call by call.

use clinic_api::store::metrics;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::json;

use crate::support::{Fault, TestApp};

/// What a text in Prometheus' format says of a metric with its labels; 0 if nothing.
fn value(text: &str, metric: &str) -> f64 {
    let found = text.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
    found.map_or(0.0, |value| value.parse().unwrap())
}

/// The tries of a read are the SDK's, those of a write our own: of both, each one counts.
#[tokio::test]
async fn tries_that_are_throttled_repeated_or_cancelled_are_counted() {
    // Of this thread, on which all of the test runs.
    let recorder = PrometheusBuilder::new().build_recorder();
    let measured = recorder.handle();
    let _measuring = ::metrics::set_default_local_recorder(&recorder);
    metrics::start();
    let app = TestApp::spawn().await;
    let before = measured.render();
    app.wire.disturb_times(2, "GetItem", Fault::Throttled);
    app.get("/readyz").send().await.expect(200);
    app.wire.disturb("TransactWriteItems", Fault::ConflictAndCondition);
    app.wire.disturb("TransactWriteItems", Fault::ThrottledInside);
    let patient = json!({ "name": "Ida", "mrn": "M-1" });
    app.post("/v1/patients").json(&patient).send().await.expect(201);
    let after = measured.render();
    let more = |metric: &str| value(&after, metric) - value(&before, metric);
    for (metric, by) in [
        ("aws_dynamodb_throttled_total{db_operation_name=\"GetItem\"}", 2.0),
        ("aws_dynamodb_retries_total{db_operation_name=\"GetItem\"}", 2.0),
        (
            "db_client_operation_duration_seconds_count{db_operation_name=\"GetItem\",error_type=\"\"}",
            1.0,
        ),
        ("aws_dynamodb_throttled_total{db_operation_name=\"TransactWriteItems\"}", 1.0),
        ("aws_dynamodb_retries_total{db_operation_name=\"TransactWriteItems\"}", 2.0),
        ("aws_dynamodb_transaction_cancellations_total{reason=\"TransactionConflict\"}", 1.0),
        ("aws_dynamodb_transaction_cancellations_total{reason=\"ConditionalCheckFailed\"}", 1.0),
        ("aws_dynamodb_transaction_cancellations_total{reason=\"ThrottlingError\"}", 1.0),
        ("db_client_active_operations", 0.0),
    ] {
        assert!((more(metric) - by).abs() < f64::EPSILON, "{metric}: {by} more\n{after}");
    }
    let taken: f64 = app.wire.take_calls().iter().map(|call| call.capacity).sum();
    let sums = [
        "aws_dynamodb_consumed_capacity_units_sum{db_operation_name=\"GetItem\",kind=\"read\"}",
        "aws_dynamodb_consumed_capacity_units_sum{db_operation_name=\"TransactWriteItems\",kind=\"write\"}",
    ];
    let measured: f64 = sums.iter().map(|sum| more(sum)).sum();
    assert!(taken > 0.0 && (measured - taken).abs() < 1e-9, "{measured} of {taken}\n{after}");
}
