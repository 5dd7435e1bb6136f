//! Patient data stays where it belongs: every field of patients and appointments contains a marker, every operation is called,
//! and no marker appears in logs, metrics, spans, errors, cursors, headers or panics.

mod caller;
mod operations;

use std::collections::BTreeSet;

use caller::Caller;
use clinic_api::time::{Clock as _, SystemClock, utc_date};
use http_body_util::BodyExt as _;
use jiff::ToSpan as _;
use operations::every_operation;
use serde_json::{Value, json};

use crate::support::{
    aws_errors::ECHO,
    collector::Collector,
    document, eventually,
    process::{RemoteTable, Running, admin_token, program, text},
    proxy::Proxy,
    receiver::Receiver,
};

/// Each marker is in one field only.
const MARKERS: [&str; 27] = [
    "canary-name",
    "canary-mrn",
    "canary-other-mrn",
    "1931-07-09",
    "2019-11-13",
    "700009999",
    "700008888",
    "4711471147",
    "canary-family",
    "canary-given",
    "canary-prefix",
    "canary-line",
    "canary-city",
    "canary-district",
    "canary-state",
    "canary-code",
    "canary-relation",
    "canary-contact",
    "canary-identifier",
    "canary-mail",
    "canary-notes",
    "canary-reason",
    "canary-visit-notes",
    "canary-cancelled",
    "canary-wrong",
    "canary-leave",
    "canary-override",
];

fn patient() -> Value {
    json!({
        "name": { "text": "Canary-Name", "family": "Canary-Family", "given": ["Canary-Given"], "prefix": "Canary-Prefix" },
        "mrn": "CANARY-MRN", "birth_date": "1931-07-09", "deceased": "2019-11-13T10:00:00+01:00",
        "phones": [{ "value": "+41700009999", "extension": "4711471147" }],
        "email": "canary-mail@example.org", "notes": "Canary-Notes",
        "address": {
            "lines": ["Canary-Line"], "city": "Canary-City", "district": "Canary-District",
            "state": "Canary-State", "postal_code": "Canary-Code",
        },
        "contacts": [{
            "relationship": "Canary-Relation", "name": "Canary-Contact", "phone": { "value": "+41700008888" },
        }],
        "identifiers": [{ "system": "urn:canary", "value": "Canary-Identifier" }],
    })
}

/// All operations, as method and path.
fn routes() -> BTreeSet<String> {
    document::operations().map(|(path, method, _)| format!("{method} {path}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn patient_markers_do_not_leak() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let collector = Collector::start().await;
    for format in ["text", "json"] {
        let mut serve = program(folder.path());
        serve.args(["--listen", "127.0.0.1:0", "--store", "memory", "--log", "trace"]);
        serve.args(["--webhook-allow", &receiver.allowed()]);
        serve.arg("--server-timing").env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url());
        serve.args(["--metrics-listen", "127.0.0.1:0", "--log-format", format]);
        serve.args(["--worker-poll", "100ms"]);
        let mut running = Running::launch(&mut serve, if format == "text" { 5 } else { 0 });
        let mut caller = Caller::new(running.base.clone());
        every_operation(&mut caller, &receiver).await;
        assert_eq!(caller.succeeded, routes(), "every operation was done");
        let page = caller.client.get(running.metrics().parse().unwrap()).await.unwrap();
        let page = page.into_body().collect().await.unwrap().to_bytes();
        assert!(page.len() > 1_000);
        caller.kept.push(("metrics".to_owned(), String::from_utf8_lossy(&page).into_owned()));
        let (status, lines) = running.terminate();
        assert!(status.success());
        let spans = collector.bytes();
        assert!(collector.spans().len() > routes().len(), "every request is a span");
        caller.kept.push(("spans".to_owned(), String::from_utf8_lossy(&spans).into_owned()));
        assert!(lines.contains("DEBUG") && lines.contains("answered"), "it logs much");
        assert!(lines.contains("mrn_taken"), "and what callers were told");
        assert!(format == "text" || lines.lines().all(|line| line.starts_with('{')));
        caller.kept.extend(lines.lines().map(|line| ("log".to_owned(), line.to_owned())));
        assert!(caller.kept.iter().filter(|(from, _)| from.ends_with("open cursor")).count() >= 5);
        assert_nothing_shows(&caller.kept);
    }
}

fn assert_nothing_shows(kept: &[(String, String)]) {
    for (from, text) in kept {
        let text = text.to_lowercase();
        let shown = MARKERS.iter().chain([&ECHO]).find(|marker| text.contains(*marker));
        assert_eq!(shown, None, "{from}: {text}");
        let token = admin_token().to_lowercase();
        assert!(
            !text.contains(&token) && !text.contains(token.rsplit('.').next().unwrap()),
            "{from}: a token"
        );
    }
}

/// DynamoDB's refusals echo the request. The log must name the refused call, its code, status and AWS request id, and nothing
/// else must contain more.
#[tokio::test(flavor = "multi_thread")]
async fn what_dynamodb_says_of_a_request_comes_out_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let table = RemoteTable::missing().await;
    table.create(folder.path());
    let (collector, proxy) = (Collector::start().await, Proxy::before(table.endpoint(), 1).await);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut serve = table.program(folder.path());
    serve.env("AWS_ENDPOINT_URL_DYNAMODB", proxy.endpoint());
    serve.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url());
    serve.args(["serve", "--listen", "127.0.0.1:0", "--log", "trace", "--log-format", "json"]);
    serve.args(["--metrics-listen", &port.to_string(), "--server-timing"]);
    let running = Running::launch(&mut serve, 0);
    let mut caller = Caller::new(running.base.clone());
    let clinic = caller.made("/v1/clinics", json!({ "name": "A", "time_zone": "UTC" })).await;
    let staff =
        caller.made(&format!("{clinic}/staff"), json!({ "name": "S", "role": "nurse" })).await;
    let idle =
        caller.made(&format!("{clinic}/staff"), json!({ "name": "T", "role": "nurse" })).await;
    let one = caller.made("/v1/patients", patient()).await;
    let other =
        caller.made(&format!("{clinic}/staff"), json!({ "name": "U", "role": "nurse" })).await;
    let start = utc_date(SystemClock.now()).saturating_add(2.days());
    let visit = json!({
        "staff_id": staff.rsplit('/').next().unwrap(), "patient_id": one.rsplit('/').next().unwrap(),
        "start": format!("{start}T09:00:00Z"), "duration_minutes": 30,
        "reason": "Canary-Reason", "notes": "Canary-Visit-Notes",
    });
    let visits = format!("{clinic}/appointments");
    caller.made(&visits, visit.clone()).await;
    let refused = [
        ("PutItem", "PATCH", one.clone(), Some(json!({ "notes": "Canary-Notes-2" }))),
        ("UpdateItem", "DELETE", idle, None),
        ("DeleteItem", "DELETE", other, None),
        ("TransactWriteItems", "POST", visits.clone(), Some(visit.clone())),
        ("BatchGetItem", "POST", visits, Some(visit)),
        ("GetItem", "GET", "/v1/patients?mrn=CANARY-MRN".to_owned(), None),
        ("Query", "GET", format!("{one}/appointments"), None),
    ];
    for (operation, method, path, body) in &refused {
        let before = proxy.spoilt();
        proxy.echo(Some(operation));
        let mut body = body.clone();
        if *operation == "TransactWriteItems" {
            body.as_mut().unwrap()["start"] = json!(format!("{start}T11:00:00Z"));
        }
        // With a key, the request would be written in a transaction.
        let (status, problem) = caller.send_without_key(method, path, body).await;
        proxy.echo(None);
        assert_eq!((status, &problem["code"]), (500, &json!("internal_error")), "{operation}");
        assert!(proxy.spoilt() > before, "{operation}");
    }
    let page = caller.client.get(format!("http://{port}/metrics").parse().unwrap()).await.unwrap();
    let page = page.into_body().collect().await.unwrap().to_bytes();
    let page = String::from_utf8_lossy(&page).into_owned();
    assert!(page.contains("ValidationException"), "{page}");
    caller.kept.push(("metrics".to_owned(), page));
    let (status, lines) = running.terminate();
    assert!(status.success());
    eventually("the spans are there", async || {
        let errors = collector.spans().len() > refused.len();
        errors.then_some(())
    })
    .await;
    let spans = String::from_utf8_lossy(&collector.bytes()).into_owned();
    assert!(spans.contains("ValidationException") && spans.contains("ECHO-PUTITEM"));
    caller.kept.push(("spans".to_owned(), spans));
    for (operation, ..) in refused {
        let code = match operation {
            "TransactWriteItems" => "TransactionCanceledException, ValidationError",
            _ => "ValidationException",
        };
        let id = format!("ECHO-{operation}").to_uppercase();
        let told = format!("{operation}: {code}, HTTP status 400, AWS request id {id}");
        let line = lines.lines().find(|line| line.contains(&told));
        let line = line.unwrap_or_else(|| panic!("{told}: {lines}"));
        assert!(line.contains("request failed") && line.contains("internal_error"), "{line}");
    }
    // Only our own lines are limited. Lines of libraries at `trace` can be long; they are checked for foreign text too.
    let ours = lines.lines().filter(|line| line.contains("\"target\":\"clinic_api"));
    ours.for_each(|line| assert!(line.len() < 2_000, "{line}"));
    caller.kept.extend(lines.lines().map(|line| ("log".to_owned(), line.to_owned())));
    assert_nothing_shows(&caller.kept);
}

/// The same for operator commands: bulk writes and scans of the table.
#[tokio::test(flavor = "multi_thread")]
async fn what_dynamodb_says_of_a_command_comes_out_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let table = RemoteTable::missing().await;
    table.create(folder.path());
    let proxy = Proxy::before(table.endpoint(), 1).await;
    let run = |arguments: &[&str]| {
        let mut command = table.program(folder.path());
        command.env("AWS_ENDPOINT_URL_DYNAMODB", proxy.endpoint()).args(arguments);
        let output = tokio::task::block_in_place(|| command.output().unwrap());
        (output.status.success(), text(&output))
    };
    std::fs::write(folder.path().join("all.ndjson"), "{\"name\":\"Canary-Name\"}\n").unwrap();
    let seed = ["table", "seed", "--clinics", "1", "--staff", "1", "--patients", "5"];
    let seed = [&seed[..], &["--appointments", "5", "--confirm-table", &table.name]].concat();
    for (operation, arguments) in [
        ("BatchWriteItem", &seed[..]),
        ("Scan", &["table", "verify"]),
        ("Scan", &["patients", "export", "--org=ORG-DEMO"]),
        ("BatchGetItem", &["patients", "import", "all.ndjson", "--org=ORG-DEMO", "--new-org"]),
        ("DescribeTable", &["table", "check"]),
    ] {
        proxy.echo(Some(operation));
        let (succeeded, printed) = run(arguments);
        proxy.echo(None);
        let id = format!("ECHO-{operation}").to_uppercase();
        let told =
            format!("{operation}: ValidationException, HTTP status 400, AWS request id {id}");
        assert!(!succeeded && printed.contains(&told), "{operation}: {printed}");
        assert_nothing_shows(&[(operation.to_owned(), printed)]);
    }
}
