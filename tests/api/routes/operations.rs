//! The endpoints of operators: liveness, readiness, version, metrics.

use std::{collections::BTreeSet, net::TcpStream, process::Command};

use clinic_api::{
    http::auth::development::{AUDIENCE, ISSUER},
    store::{Item, attributes::number, format::FORMAT},
};
use jiff::SignedDuration;
use serde_json::json;

use crate::support::{
    Fault, TestApp, eventually, metrics,
    process::{ISSUER_FOLDER, RemoteTable, Running, Working, http_client, program, send},
};

#[tokio::test]
async fn readiness_survives_one_failed_read_and_falls_with_the_second() {
    let app = TestApp::spawn().await;
    app.get("/readyz").send().await.expect(200);
    for fault in [Fault::Unreachable, Fault::ServerError, Fault::BadGateway] {
        // The SDK makes three attempts for each read.
        for (attempts, ready) in [(3, true), (6, false)] {
            app.clock.advance(SignedDuration::from_secs(1));
            app.wire.disturb_times(attempts, "GetItem", fault);
            let answer = app.get("/readyz").send().await;
            if ready {
                answer.expect(200);
            } else {
                assert_eq!(answer.header("retry-after"), "1");
                answer.problem(503, "store_unreachable");
            }
            app.get("/livez").send().await.expect(200);
        }
        app.clock.advance(SignedDuration::from_secs(1));
        app.get("/readyz").send().await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_never_obtained_the_issuers_keys_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(folder.path());
    command.args(["serve", "--store", "memory", "--listen", "127.0.0.1:0"]);
    command.args(["--issuer", "https://issuer.example.org/", "--audience", "clinic-api"]);
    let running = Running::launch(command.args(["--jwks-url", "file:jwks.json"]), 4);
    let (status, problem) = running.send("GET", "/readyz", None).await;
    assert_eq!((status, &problem["code"]), (503, &json!("identity_unavailable")), "{problem}");
    assert_eq!(running.send("GET", "/livez", None).await.0, 200);
}

#[tokio::test]
async fn a_process_on_a_table_of_another_format_is_not_ready() {
    let app = TestApp::spawn().await;
    let items = app.all_items_and_accesses().await;
    let is_format = |item: &&Item| item["type"].as_s().unwrap() == "table_format";
    let mut format = items.iter().find(is_format).unwrap().clone();
    format.insert("format".to_owned(), number(u64::from(FORMAT) + 1));
    app.put_item(format).await;
    app.get("/readyz").send().await.problem(503, "store_unreachable");
}

#[tokio::test]
async fn the_table_is_asked_once_a_second_whoever_asks() {
    let app = TestApp::spawn().await;
    let asked = futures_util::future::join_all((0..20).map(|_| app.get("/readyz").send())).await;
    assert!(asked.iter().all(|answer| answer.status == 200));
    assert_eq!(app.wire.take_calls().len(), 1);
    app.clock.advance(SignedDuration::from_secs(1));
    app.get("/readyz").send().await.expect(200);
    assert_eq!(app.wire.take_calls().len(), 1);
}

#[tokio::test]
async fn the_version_is_told() {
    let app = TestApp::spawn().await;
    let version = app.get("/version").send().await.expect(200).json();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    let commit = option_env!("CLINIC_API_COMMIT").filter(|commit| !commit.is_empty());
    assert_eq!(version["commit"], json!(commit));
}

/// The names of the metrics in a Prometheus text.
fn names(text: &str) -> BTreeSet<&str> {
    let declared = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    declared.filter_map(|line| line.split(' ').next()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_measures_is_shown_apart_from_the_api_and_names_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let table = RemoteTable::missing().await;
    table.create(folder.path());
    let mut command = table.program(folder.path());
    command.args(["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]);
    // Settings that have metrics: the keys of an issuer, and files with secret keys and search keys.
    let key = folder.path().join("keys");
    std::fs::write(&key, "A".repeat(43)).unwrap();
    command.env_remove("CLINIC_API_SECRET_KEYS").env("CLINIC_API_SECRET_KEYS_FILE", &key);
    command.env_remove("CLINIC_API_SEARCH_KEYS").env("CLINIC_API_SEARCH_KEYS_FILE", &key);
    let jwks = format!("file:{ISSUER_FOLDER}/jwks.json");
    command.args(["--issuer", ISSUER, "--audience", AUDIENCE, "--jwks-url", &jwks]);
    let running = Running::launch(&mut command, 5);
    assert_eq!(running.send("GET", "/metrics", None).await.0, 404, "it is not for callers");
    let (_, patient) =
        running.send("POST", "/v1/patients", Some(json!({ "name": "Ida", "mrn": "M-1" }))).await;
    let patient = patient["id"].as_str().unwrap();
    running.send("GET", &format!("/v1/patients/{patient}"), None).await;
    let hook = json!({ "url": "https://webhook.invalid/" });
    assert_eq!(running.send("POST", "/v1/webhooks", Some(hook)).await.0, 201);
    running.send("GET", "/v1/patients?mrn=M-1", None).await;
    running.send("BREW", "/v1/patients/Ida", None).await;
    running.send("GET", "/readyz", None).await;
    let again = json!({ "name": "Ida", "mrn": "M-1" });
    assert_eq!(running.send("POST", "/v1/patients", Some(again)).await.0, 409);
    let metrics = running.greeting[4].split_whitespace().last().unwrap().parse().unwrap();
    let answer = http_client().get(metrics).await.unwrap();
    let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
    let text = String::from_utf8(body.to_vec()).unwrap();
    for line in [
        "http_server_request_duration_seconds_count{http_request_method=\"GET\",http_route=\"/v1/patients/{patient_id}\",http_response_status_code=\"200\"} 1",
        "http_server_request_duration_seconds_count{http_request_method=\"_OTHER\",http_route=\"/v1/patients/{patient_id}\",http_response_status_code=\"405\"} 1",
        "http_server_request_duration_seconds_count{http_request_method=\"GET\",http_route=\"none\",http_response_status_code=\"404\"} 1",
        "db_client_operation_duration_seconds_count{db_operation_name=\"TransactWriteItems\",error_type=\"\"} 1",
        "db_client_operation_duration_seconds_count{db_operation_name=\"TransactWriteItems\",error_type=\"ConditionalCheckFailed\"} 1",
        "aws_dynamodb_consumed_capacity_units_count{db_operation_name=\"TransactWriteItems\",kind=\"write\"} 1",
        "aws_dynamodb_transaction_cancellations_total{reason=\"ConditionalCheckFailed\"} 1",
        "aws_dynamodb_retries_total{db_operation_name=\"TransactWriteItems\"} 0",
        "aws_dynamodb_throttled_total{db_operation_name=\"GetItem\",reason=\"other\"} 0",
        "db_client_open_connections{db_client_connection_state=\"used\"} 0",
        "db_client_connection_pending_requests 0",
        "db_client_connections_closed_total{reason=\"poisoned\"} 0",
        "http_server_active_requests 0",
        "http_server_connections_refused_total 0",
        "clinic_api_ready 1",
    ] {
        assert!(text.lines().any(|shown| shown == line), "no {line} in\n{text}");
    }
    let bucket = "db_client_connection_create_time_seconds_bucket{error_type=\"\",le=\"10\"} ";
    assert!(text.contains(bucket), "no {bucket} in\n{text}");
    for secret in [patient, "Ida", "M-1", "BREW"] {
        assert!(!text.contains(secret), "{secret} in\n{text}");
    }
    let shipped = metrics::listed();
    let of_worker = worker_metrics(table.program(folder.path()).arg("worker")).await;
    for read in ["DescribeStream", "GetShardIterator", "GetRecords"] {
        let line = format!(
            "db_client_operation_duration_seconds_count{{db_operation_name=\"{read}\",error_type=\"\"}} "
        );
        assert!(of_worker.contains(&line), "no {line} in\n{of_worker}");
    }
    let exported: BTreeSet<_> = names(&text).union(&names(&of_worker)).copied().collect();
    assert_eq!(
        exported,
        shipped.iter().map(String::as_str).collect(),
        "docs/metrics.md and what is exported"
    );
    let own = |name: &&str| {
        ["clinic_api_stream", "clinic_api_worker", "clinic_api_deliveries"]
            .iter()
            .any(|start| name.starts_with(start))
            || name.contains("webhook")
    };
    assert!(!names(&text).iter().any(own), "who does not work says nothing of it");
}

/// The metrics of a worker after it has read the stream and sent a delivery.
async fn worker_metrics(command: &mut Command) -> String {
    let worker = Working::launch(command.env("CLINIC_API_WORKER_POLL", "100ms"));
    eventually("it has read and sent something", async || {
        let answer = http_client().get(worker.metrics.parse().unwrap()).await.unwrap();
        let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
        let shown = String::from_utf8(body.to_vec()).unwrap();
        let both = shown.contains("clinic_api_stream_records_total{outcome=\"processed\"}")
            && shown.contains("clinic_api_webhook_deliveries_total{outcome=");
        both.then_some(shown)
    })
    .await
}

/// Connections to the metrics port do not use up those of callers.
#[tokio::test(flavor = "multi_thread")]
async fn the_port_of_the_metrics_has_limits_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(folder.path());
    command.args(["--store", "memory", "--listen", "127.0.0.1:0"]);
    let running = Running::launch(command.args(["--metrics-listen", "127.0.0.1:0"]), 5);
    let metrics = running.greeting[4].split_whitespace().last().unwrap();
    let address = metrics.strip_prefix("http://").unwrap().strip_suffix("/metrics").unwrap();
    // Silent connections are closed eventually, so the test opens new ones until one is refused.
    let silent = eventually("its own places are taken", async || {
        let silent: Vec<_> = (0..100).map(|_| TcpStream::connect(address).unwrap()).collect();
        let refused = send(&http_client(), metrics, "GET", None).await;
        refused.is_ok_and(|(status, _)| status == 503).then_some(silent)
    })
    .await;
    for _ in 0..10 {
        assert_eq!(running.send("GET", "/readyz", None).await.0, 200);
    }
    drop(silent);
    for path in ["/metrics", "/livez"] {
        let uri = format!("http://{address}{path}");
        eventually("its places are free again", async || {
            let answer = send(&http_client(), &uri, "GET", None).await;
            answer.is_ok_and(|(status, _)| status == 200).then_some(())
        })
        .await;
    }
    let answer = http_client().get(metrics.parse().unwrap()).await.unwrap();
    let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
    let text = String::from_utf8(body.to_vec()).unwrap();
    let refused = text.lines().any(|line| line == "http_server_connections_refused_total 0");
    assert!(refused, "no caller of the API was refused\n{text}");
}

/// The default limit of open files is far below what the system allows.
#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_open_files_is_raised() {
    let folder = tempfile::tempdir().unwrap();
    let clinic_api = program(folder.path());
    let mut command = std::process::Command::new("bash");
    command.current_dir(folder.path());
    command.args(["-c", "ulimit -S -n 200 && exec \"$0\" \"$@\""]).arg(clinic_api.get_program());
    command.args(["--store", "memory", "--listen", "127.0.0.1:0"]);
    command.env("CLINIC_API_DEVELOPMENT_ISSUER", ISSUER_FOLDER);
    let running = Running::launch(&mut command, 4);
    let silent: Vec<_> = (0..400).map(|_| TcpStream::connect(running.address()).unwrap()).collect();
    for _ in 0..10 {
        assert_eq!(running.send("GET", "/v1/clinics", None).await.0, 200);
    }
    drop(silent);
}
