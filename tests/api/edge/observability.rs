//! Metrics of DynamoDB calls and of requests, and `Server-Timing`.

use std::time::Duration;

use clinic_api::{app::RequestLimits, store::metrics};
use metrics_exporter_prometheus::PrometheusBuilder;
use regex::Regex;
use serde_json::json;

use crate::support::{Answer, Fault, TestApp, booking, metrics::shown};

/// The value of a metric with its labels in a Prometheus text; 0 if absent.
fn value(text: &str, metric: &str) -> f64 {
    shown(text, metric).unwrap_or(0.0)
}

/// The SDK retries reads, and the service retries writes. Each attempt counts.
#[tokio::test]
async fn tries_that_are_throttled_repeated_or_cancelled_are_counted() {
    // The recorder of this thread, on which the whole test runs.
    let recorder = PrometheusBuilder::new().build_recorder();
    let measured = recorder.handle();
    let _measuring = ::metrics::set_default_local_recorder(&recorder);
    metrics::start();
    let app = TestApp::spawn().await;
    let before = measured.render();
    app.wire.disturb("GetItem", Fault::Throttled);
    app.wire.disturb("GetItem", Fault::ThrottledFor("TableReadKeyRangeThroughputExceeded"));
    app.get("/readyz").send().await.expect(200);
    app.wire.disturb("TransactWriteItems", Fault::ConflictAndCondition);
    app.wire.disturb("TransactWriteItems", Fault::ThrottledInside);
    let patient = json!({ "name": "Ida", "mrn": "M-1" });
    app.post("/v1/patients").json(&patient).send().await.expect(201);
    let after = measured.render();
    let more = |metric: &str| value(&after, metric) - value(&before, metric);
    for (metric, by) in [
        ("aws_dynamodb_throttled_total{db_operation_name=\"GetItem\",reason=\"other\"}", 1.0),
        (
            "aws_dynamodb_throttled_total{db_operation_name=\"GetItem\",reason=\"KeyRangeThroughputExceeded\"}",
            1.0,
        ),
        ("aws_dynamodb_retries_total{db_operation_name=\"GetItem\"}", 2.0),
        (
            "db_client_operation_duration_seconds_count{db_operation_name=\"GetItem\",error_type=\"\"}",
            1.0,
        ),
        (
            "aws_dynamodb_throttled_total{db_operation_name=\"TransactWriteItems\",reason=\"other\"}",
            1.0,
        ),
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

#[tokio::test]
async fn calls_that_nobody_waits_for_any_more_are_counted() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let measured = recorder.handle();
    let _measuring = ::metrics::set_default_local_recorder(&recorder);
    metrics::start();
    let app = TestApp::spawn().await;
    let path = app.clinic().await;
    let (has_come, _go_on) = app.wire.pause_before("GetItem");
    let asking = tokio::spawn(app.get(&path).send());
    has_come.await.unwrap();
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    let text = measured.render();
    let counted = value(
        &text,
        "db_client_operation_duration_seconds_count{db_operation_name=\"GetItem\",error_type=\"cancelled\"}",
    );
    assert!((counted - 1.0).abs() < f64::EPSILON, "{text}");
    assert!(value(&text, "db_client_active_operations").abs() < f64::EPSILON, "{text}");
}

/// The stream has a separate client.
#[tokio::test]
async fn calls_that_read_the_stream_are_measured() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let measured = recorder.handle();
    let _measuring = ::metrics::set_default_local_recorder(&recorder);
    metrics::start();
    metrics::start_streams();
    let app = TestApp::spawn().await;
    app.patient().await;
    assert_ne!(app.changes().await.len(), 0);
    let unknown = app.store.stream_arn().await.unwrap().unwrap().replace(":table/", ":table/no-");
    let refused = app.streams().describe_stream().stream_arn(unknown).send().await.unwrap_err();
    let text = measured.render();
    for (operation, error) in [
        ("DescribeStream", ""),
        ("GetShardIterator", ""),
        ("GetRecords", ""),
        ("DescribeStream", "ResourceNotFoundException"),
    ] {
        let labels = format!("db_operation_name=\"{operation}\",error_type=\"{error}\"");
        let calls =
            value(&text, &format!("db_client_operation_duration_seconds_count{{{labels}}}"));
        assert!(calls >= 1.0, "{labels}\n{refused:?}\n{text}");
        for (counter, reason) in [("retries", ""), ("throttled", ",reason=\"other\"")] {
            let labels = format!("db_operation_name=\"{operation}\"{reason}");
            let counter = format!("aws_dynamodb_{counter}_total{{{labels}}} 0");
            assert!(text.lines().any(|line| line == counter), "{counter}\n{text}");
        }
    }
}

/// All responses are 503 or client errors. The code distinguishes our failures, and client errors add no series.
#[tokio::test]
async fn failures_are_told_apart_by_their_code() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let measured = recorder.handle();
    let _measuring = ::metrics::set_default_local_recorder(&recorder);
    metrics::start();
    let roomy = TestApp::spawn().await;
    let clinic = roomy.ready_clinic().await;
    let limits = RequestLimits { concurrent: 1, ..RequestLimits::default() };
    let narrow = TestApp::builder().limits(limits).replica_of(&roomy);
    let (has_come, go_on) = roomy.wire.pause_before("GetItem");
    let held = tokio::spawn(narrow.get(&clinic.path).send());
    has_come.await.unwrap();
    for _ in 0..2 {
        narrow.get(&clinic.path).send().await.problem(503, "overloaded");
    }
    go_on.send(()).unwrap();
    held.await.unwrap().expect(200);
    let patient = format!("/v1/patients/{}", clinic.patient);
    roomy.wire.disturb_times(3, "GetItem", Fault::Unreachable);
    roomy.get(&patient).send().await.problem(503, "store_unreachable");
    roomy
        .delete(&patient)
        .header("if-match", "\"0\"")
        .send()
        .await
        .problem(412, "precondition_failed");
    let text = measured.render();
    let count = |method: &str, route: &str, rest: &str| {
        let labels = format!("http_request_method=\"{method}\",http_route=\"{route}\",{rest}");
        value(&text, &format!("http_server_request_duration_seconds_count{{{labels}}}"))
    };
    for (method, route, rest, times) in [
        (
            "GET",
            "/v1/clinics/{clinic_id}",
            r#"http_response_status_code="503",error_type="overloaded""#,
            2.0,
        ),
        ("GET", "/v1/clinics/{clinic_id}", r#"http_response_status_code="200""#, 1.0),
        (
            "GET",
            "/v1/patients/{patient_id}",
            r#"http_response_status_code="503",error_type="store_unreachable""#,
            1.0,
        ),
        ("DELETE", "/v1/patients/{patient_id}", r#"http_response_status_code="412""#, 1.0),
    ] {
        let found = count(method, route, rest);
        assert!((found - times).abs() < f64::EPSILON, "{method} {route} {rest}: {found}\n{text}");
    }
}

/// The values of `Server-Timing`: calls, read units, write units, time in the store and in total, in milliseconds.
fn told(answer: &Answer) -> [f64; 5] {
    let form = r#"^store;dur=([0-9.]+);desc="([0-9]+) calls?, ([0-9.]+) read units, ([0-9.]+) write units", total;dur=([0-9.]+)$"#;
    let said = answer.header("server-timing");
    let found = Regex::new(form).unwrap().captures(said).unwrap_or_else(|| panic!("{said}"));
    [2, 3, 4, 1, 5].map(|part| found[part].parse().unwrap())
}

/// Parallel calls and calls of background tasks count for the request.
#[tokio::test]
async fn callers_are_told_what_an_answer_took_where_that_is_set() {
    const LATENCY: Duration = Duration::from_millis(30);
    let plain = TestApp::spawn().await;
    let clinic = plain.ready_clinic().await;
    let patient = plain.patient().await;
    let answer = plain.get(&format!("/v1/patients/{patient}")).send().await.expect(200);
    assert!(!answer.headers.contains_key("server-timing"), "not unless it is asked for");
    let app = TestApp::builder().server_timing().replica_of(&plain);
    // The first booking caches the clinic's time zone.
    app.book(&clinic, "2035-01-16T09:00", 30).await.expect(201);
    app.wire.slow_down(LATENCY);
    app.wire.forget();
    let visit = booking(&clinic.staff, &clinic.patient, "2035-01-16T10:00", 30);
    let requests = [
        app.post(&format!("{}/appointments", clinic.path)).json(&visit),
        app.get(&format!("/v1/patients/{patient}")),
        app.delete(&format!("/v1/patients/{patient}")),
        app.get("/nothing"),
        app.get("/v1/clinics").anonymous(),
    ];
    for (request, status) in requests.into_iter().zip([201, 200, 204, 404, 401]) {
        let answer = request.send().await.expect(status);
        let calls = app.wire.take_calls();
        let [count, read, write, store, total] = told(&answer);
        assert_eq!(format!("{count}"), calls.len().to_string(), "{status}");
        let taken: f64 = calls.iter().map(|call| call.capacity).sum();
        assert!((read + write - taken).abs() < 1e-9, "{status}: {read} and {write} of {taken}");
        let least = if calls.is_empty() { 0.0 } else { LATENCY.as_secs_f64() * 1000.0 };
        assert!(least <= store && store <= total, "{status}: {least}, {store}, {total}");
    }
}
