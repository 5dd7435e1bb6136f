//! Spans, as a collector receives them from the program.

mod export;

use std::path::Path;

use http_body_util::Full;
use serde_json::{Value, json};

use crate::support::{
    collector::{Collector, Seen},
    eventually,
    process::{RemoteTable, Running, admin_token, http_client, program},
    proxy::{Proxy, Spoilt},
};

const CALLERS_TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLERS_SPAN: &str = "b7ad6b7169203331";

/// A service on a new table, with additional environment variables.
async fn serve(folder: &Path, settings: &[(&str, &str)]) -> (RemoteTable, Running) {
    let table = RemoteTable::missing().await;
    table.create(folder);
    let running = serve_table(&table, folder, settings);
    (table, running)
}

/// A service on an existing table.
fn serve_table(table: &RemoteTable, folder: &Path, settings: &[(&str, &str)]) -> Running {
    let mut command = table.program(folder);
    command.args(["--listen", "127.0.0.1:0", "--log-format", "json"]);
    command.envs(settings.iter().copied());
    Running::launch(&mut command, 0)
}

/// Sends a request as an administrator with a `traceparent`.
async fn ask_traced(running: &Running, path: &str, flags: &str) -> u16 {
    let traceparent = format!("00-{CALLERS_TRACE}-{CALLERS_SPAN}-{flags}");
    let request = axum::http::Request::get(format!("{}{path}", running.base))
        .header("authorization", format!("Bearer {}", admin_token()))
        .header("traceparent", traceparent)
        .header("tracestate", "vendor=Ida-Hidden")
        .header("baggage", "patient=Ida-Hidden");
    let request = request.body(Full::default()).unwrap();
    http_client().request(request).await.unwrap().status().as_u16()
}

#[track_caller]
fn only(spans: &[Seen], fits: impl Fn(&Seen) -> bool) -> &Seen {
    let found: Vec<_> = spans.iter().filter(|span| fits(span)).collect();
    assert_eq!(found.len(), 1, "{found:#?} of {spans:#?}");
    found[0]
}

fn children<'a>(spans: &'a [Seen], parent: &'a Seen) -> impl Iterator<Item = &'a Seen> {
    spans.iter().filter(|span| span.parent == parent.span_id && span.trace_id == parent.trace_id)
}

/// A read is retried within its span, a write in a new span. Each span has the consumed capacity.
#[tokio::test(flavor = "multi_thread")]
async fn tries_and_capacity_of_calls_are_in_their_spans() {
    let folder = tempfile::tempdir().unwrap();
    let (collector, table) = (Collector::start().await, RemoteTable::missing().await);
    table.create(folder.path());
    let proxy = Proxy::before(table.endpoint(), 0).await;
    let (collector_at, proxy_at) = (collector.url(), proxy.endpoint());
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector_at.as_str()),
        ("AWS_ENDPOINT_URL_DYNAMODB", proxy_at.as_str()),
    ];
    let running = serve_table(&table, folder.path(), &settings);
    proxy.spoil_next(Spoilt::Throttled("ProvisionedThroughputExceededException"));
    let patient = json!({ "name": "Ida", "mrn": "M-1" });
    let (status, made) = running.send("POST", "/v1/patients", Some(patient)).await;
    assert_eq!(status, 201, "{made}");
    proxy.spoil_next(Spoilt::Throttled("ThrottlingException"));
    let path = format!("/v1/patients/{}", made["id"].as_str().unwrap());
    assert_eq!(running.send("GET", &path, None).await.0, 200);
    assert_eq!(running.send("GET", "/v1/patients?mrn=M-1", None).await.0, 200);
    assert_eq!(running.send("GET", "/v1/clinics", None).await.0, 200);
    let (status, log) = running.terminate();
    assert!(status.success(), "{log}");

    let spans = collector.spans();
    let taken = |span: &Seen| {
        let taken = span.get("aws.dynamodb.consumed_capacity");
        serde_json::from_str::<Value>(taken)
            .map_or(0.0, |taken| taken["CapacityUnits"].as_f64().unwrap())
    };
    let calls_of = |request: &str| {
        let request = only(&spans, |span| span.name == request);
        let mut calls: Vec<_> = children(&spans, request).collect();
        calls.retain(|call| !call.name.ends_with("PutItem"));
        calls
    };
    let read = calls_of("GET /v1/patients/{patient_id}");
    assert_eq!(read.len(), 1, "{read:#?}");
    assert_eq!((read[0].get("http.request.resend_count"), read[0].failed), ("1", false));
    assert!(taken(read[0]) > 0.0);
    let writes = calls_of("POST /v1/patients");
    let errors: Vec<_> = writes.iter().map(|call| call.get("error.type")).collect();
    assert_eq!(errors, ["ThrottlingError", ""], "{writes:#?}");
    assert!(taken(writes[0]) < f64::EPSILON && taken(writes[1]) > 0.0, "{writes:#?}");
    // DynamoDB Local reports 0 units for an empty index.
    let listed = calls_of("GET /v1/clinics");
    let queries: Vec<_> = listed.iter().filter(|call| call.name == "DynamoDB.Query").collect();
    assert_eq!(queries.len(), 1, "{listed:#?}");
    let said = queries[0].get("aws.dynamodb.consumed_capacity");
    assert!(said.contains(&table.name), "{said}");
}

/// The spans of a patient's operations: one per request and one per DynamoDB call, without patient data.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_and_its_calls_are_spans_that_know_nothing_of_patients() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start().await;
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test".to_owned()),
    ];
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (table, running) = serve(folder.path(), &settings).await;
    let patient = json!({
        "name": "Ida-Hidden", "mrn": "MRN-Hidden", "birth_date": "1931-07-09",
        "phones": [{ "value": "+41700009999" }], "email": "hidden@example.org",
    });
    let (status, made) = running.send("POST", "/v1/patients", Some(patient.clone())).await;
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().unwrap();
    let path = format!("/v1/patients/{id}");
    assert_eq!(ask_traced(&running, &path, "00").await, 200);
    assert_eq!(running.send("POST", "/v1/patients", Some(patient)).await.0, 409);
    assert_eq!(running.send("GET", "/v1/patients?mrn=MRN-Hidden", None).await.0, 200);
    assert_eq!(running.send("GET", "/v1/Ida-Hidden", None).await.0, 404);
    assert_eq!(running.send("BREW-IDA", &path, None).await.0, 405);
    assert_eq!(running.send("DELETE", &path, None).await.0, 204);
    let (status, log) = running.terminate();
    assert!(status.success(), "{log}");

    let spans = collector.spans();
    let read = only(&spans, |span| span.name == "GET /v1/patients/{patient_id}");
    assert_eq!((read.trace_id.as_str(), read.parent.as_str()), (CALLERS_TRACE, CALLERS_SPAN));
    assert_eq!((read.kind, read.failed), (2, false));
    for (name, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/v1/patients/{patient_id}"),
        ("http.response.status_code", "200"),
        ("url.scheme", "http"),
        ("network.protocol.version", "1.1"),
    ] {
        assert_eq!(read.get(name), value, "{name}");
    }
    for (name, value) in [
        ("service.name", "clinic-api"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("deployment.environment.name", "test"),
    ] {
        assert_eq!(read.resource.get(name).map(String::as_str), Some(value), "{name}");
    }
    let call = only(&spans, |span| span.parent == read.span_id && span.name == "DynamoDB.GetItem");
    assert_eq!((call.kind, call.failed), (3, false));
    for (name, value) in [
        ("db.system.name", "aws.dynamodb"),
        ("db.operation.name", "GetItem"),
        ("aws.dynamodb.table_names", table.name.as_str()),
        ("error.type", ""),
        ("http.request.resend_count", ""),
    ] {
        assert_eq!(call.get(name), value, "{name}");
    }
    let taken: Value = serde_json::from_str(call.get("aws.dynamodb.consumed_capacity")).unwrap();
    assert_eq!(taken["TableName"], table.name);
    assert!(taken["CapacityUnits"].as_f64().unwrap() > 0.0);
    // The access request is written in the background and belongs to the request's trace.
    assert!(children(&spans, read).any(|span| span.name == "DynamoDB.PutItem"), "{spans:#?}");

    let refused = only(&spans, |span| span.get("http.response.status_code") == "409");
    assert_eq!((refused.name.as_str(), refused.get("error.type")), ("POST /v1/patients", ""));
    let cancelled = only(&spans, |span| span.get("error.type") == "ConditionalCheckFailed");
    assert_eq!((cancelled.parent.as_str(), cancelled.failed), (refused.span_id.as_str(), false));
    assert_eq!(cancelled.get("aws.dynamodb.table_names"), table.name);
    let deleted = only(&spans, |span| span.name == "DELETE /v1/patients/{patient_id}");
    let writes = children(&spans, deleted).filter(|span| span.name.ends_with("Item")).count();
    assert!(writes > 1, "also what goes on in a task of its own: {spans:#?}");
    let listed = only(&spans, |span| span.name == "GET /v1/patients");
    assert!(children(&spans, listed).next().is_some());
    let brewed = only(&spans, |span| span.name == "HTTP /v1/patients/{patient_id}");
    assert_eq!(brewed.get("http.request.method"), "_OTHER");
    let lost = only(&spans, |span| span.name == "GET");
    assert_eq!((lost.get("http.route"), lost.get("http.response.status_code")), ("", "404"));
    let roots = spans.iter().filter(|span| span.parent.is_empty());
    assert!(roots.clone().all(|span| span.kind == 2), "every other span is a child: {spans:#?}");

    let sent = String::from_utf8_lossy(&collector.bytes()).to_lowercase();
    for secret in ["hidden", "1931-07-09", "700009999", "brew", id, admin_token()] {
        assert!(!sent.contains(&secret.to_lowercase()), "{secret} was sent");
    }
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let line = lines.into_iter().find(|line| line["trace_id"] == CALLERS_TRACE);
    let line = line.unwrap_or_else(|| panic!("no line has the trace's id: {log}"));
    assert_eq!((&line["span_id"], &line["message"]), (&json!(read.span_id), &json!("answered")));
    assert_eq!(line["http.request.id"], read.get("http.request.id"));
}

/// Any caller can send the sampled flag, so it counts only if a setting says so.
#[tokio::test(flavor = "multi_thread")]
async fn callers_choose_what_is_traced_only_where_that_is_set() {
    for (sampler, untraced, traced) in [
        ("", true, true),
        ("parentbased_always_on", false, true),
        ("parentbased_always_off", false, true),
        ("always_off", false, false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let collector = Collector::start().await;
        let mut command = program(folder.path());
        command.args(["--listen", "127.0.0.1:0", "--store", "memory", "--worker", "false"]);
        command.env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", collector.url() + "/v1/traces");
        command.env("OTEL_TRACES_SAMPLER", sampler).env("OTEL_SERVICE_NAME", "front");
        let running = Running::launch(&mut command, 4);
        assert_eq!(ask_traced(&running, "/v1/clinics", "00").await, 200);
        assert_eq!(ask_traced(&running, "/v1/webhooks", "01").await, 200);
        let (status, log) = running.terminate();
        assert!(status.success(), "{log}");
        let spans = collector.spans();
        let of = |path: &str| spans.iter().any(|span| span.name == format!("GET {path}"));
        assert_eq!((of("/v1/clinics"), of("/v1/webhooks")), (untraced, traced), "{sampler}");
        assert!(spans.iter().all(|span| span.resource["service.name"] == "front"));
    }
}

/// The worker has a trace per change and per delivery. Its polling is not traced.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_traces_what_it_processes_and_delivers() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start().await;
    let (table, running) = serve(folder.path(), &[]).await;
    let hook = json!({ "url": "https://webhook.invalid/Ida-Hidden" });
    assert_eq!(running.send("POST", "/v1/webhooks", Some(hook)).await.0, 201);
    let patient = json!({ "name": "Ida-Hidden" });
    assert_eq!(running.send("POST", "/v1/patients", Some(patient)).await.0, 201);
    let mut worker = table.program(folder.path());
    worker.args(["worker", "--worker-poll", "100ms"]).stderr(std::process::Stdio::null());
    worker.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url());
    worker.env("OTEL_BSP_SCHEDULE_DELAY", "100");
    let mut worker = worker.spawn().unwrap();
    let delivered = |span: &Seen| span.get("cloudevents.event_type") == "clinic.patient.created.v1";
    let seen = async || {
        let spans = collector.spans();
        spans.iter().any(&delivered).then_some(spans)
    };
    let spans = eventually("a delivery is traced", seen).await;
    worker.kill().unwrap();
    worker.wait().unwrap();
    let delivery = spans.iter().find(|span| delivered(span)).unwrap();
    assert_eq!(delivery.resource["service.name"], "clinic-api-worker");
    assert_eq!((delivery.name.as_str(), delivery.kind), ("deliver event", 4));
    assert!(["unreachable", "timed_out"].contains(&delivery.get("clinic_api.delivery.outcome")));
    assert!(children(&spans, delivery).any(|span| span.name == "DynamoDB.GetItem"));
    let processed: Vec<_> = spans.iter().filter(|span| span.name == "process stream").collect();
    assert!(processed.iter().all(|span| span.kind == 5 && span.parent.is_empty()), "{spans:#?}");
    let wrote =
        |span: &&&Seen| children(&spans, span).any(|span| span.name.starts_with("DynamoDB"));
    assert!(processed.iter().any(|span| wrote(&span)), "{spans:#?}");
    let roots = spans.iter().filter(|span| span.parent.is_empty());
    assert!(roots.clone().all(|span| !span.name.starts_with("DynamoDB")), "{spans:#?}");
    let sent = String::from_utf8_lossy(&collector.bytes()).to_lowercase();
    assert!(!sent.contains("hidden"), "{sent}");
}
