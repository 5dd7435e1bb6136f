//! What is known of patients is where it belongs and nowhere else: markers in every field of patient and appointment
//! go through every operation, and none of them comes out in logs, metrics, spans, errors, cursors, headers or panics.

use std::collections::BTreeSet;

use clinic_api::router;
use data_encoding::BASE64URL_NOPAD;
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};

use crate::support::{
    aws_errors::ECHO,
    collector::Collector,
    document::{good_body, good_patch, path_of, plain_collections},
    eventually,
    process::{HttpClient, RemoteTable, Running, admin_token, http_client, program, text},
    proxy::Proxy,
    receiver::Receiver,
};

/// Each is in some field, and in nothing else.
const MARKERS: [&str; 13] = [
    "canary-name",
    "canary-mrn",
    "canary-other-mrn",
    "1931-07-09",
    "700009999",
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
        "name": "Canary-Name", "mrn": "CANARY-MRN", "birth_date": "1931-07-09", "phone": "+41700009999",
        "email": "canary-mail@example.org", "notes": "Canary-Notes",
    })
}

/// A caller who keeps all that is no answer for the eyes of one who may see the record.
struct Caller {
    client: HttpClient,
    base: String,
    /// Errors, cursors and headers, each with the request that it came from.
    kept: Vec<(String, String)>,
    /// The routes that were answered with success.
    succeeded: BTreeSet<String>,
}

impl Caller {
    async fn send(&mut self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        self.send_as(admin_token(), method, path, body).await
    }

    async fn send_as(
        &mut self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let key = body.is_some().then(|| format!("{:x}", rand::random::<u128>()));
        self.send_keyed(token, method, path, body, key).await
    }

    /// The same without an `Idempotency-Key`.
    async fn send_without_key(
        &mut self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        self.send_keyed(admin_token(), method, path, body, None).await
    }

    async fn send_keyed(
        &mut self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
        key: Option<String>,
    ) -> (u16, Value) {
        let mut request = axum::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {token}"));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = Full::from(body.map(|body| body.to_string()).unwrap_or_default());
        let answer = self.client.request(request.body(body).unwrap()).await.unwrap();
        let what = format!("{method} {path}");
        let status = answer.status().as_u16();
        for (name, value) in answer.headers() {
            self.kept.push((
                format!("{what}: {name}"),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            ));
        }
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        let json: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if status >= 400 {
            self.kept.push((what, String::from_utf8_lossy(&bytes).into_owned()));
        } else if let Some(cursor) = json["next_cursor"].as_str() {
            let sealed = BASE64URL_NOPAD.decode(cursor.as_bytes()).unwrap();
            self.kept.push((format!("{what}: cursor"), cursor.to_owned()));
            self.kept.push((
                format!("{what}: open cursor"),
                String::from_utf8_lossy(&sealed).into_owned(),
            ));
        }
        if status < 400 {
            self.succeeded.insert(format!("{} {}", method.to_lowercase(), path_of(path)));
        }
        (status, json)
    }

    async fn made(&mut self, path: &str, body: Value) -> String {
        let (status, made) = self.send("POST", path, Some(body)).await;
        assert_eq!(status, 201, "{path}: {made}");
        format!("{path}/{}", made["id"].as_str().unwrap())
    }
}

async fn every_operation(caller: &mut Caller, receiver: &Receiver) {
    let webhook = caller.made("/v1/webhooks", json!({ "url": receiver.url() })).await;
    let clinic = caller.made("/v1/clinics", json!({ "name": "A", "time_zone": "UTC" })).await;
    caller.made("/v1/clinics", json!({ "name": "B", "time_zone": "UTC" })).await;
    let staff =
        caller.made(&format!("{clinic}/staff"), json!({ "name": "S", "role": "nurse" })).await;
    caller.made(&format!("{clinic}/staff"), json!({ "name": "T", "role": "nurse" })).await;
    let one = caller.made("/v1/patients", patient()).await;
    assert_eq!(caller.send("POST", "/v1/patients", Some(patient())).await.0, 409);
    let day = |days: i64| {
        let now = clinic_api::time::Clock::now(&clinic_api::time::SystemClock);
        let day =
            clinic_api::time::utc_date(now).checked_add(jiff::Span::new().days(days)).unwrap();
        format!("{day}T09:00:00Z")
    };
    let visits = format!("{clinic}/appointments");
    let visit = |days| {
        json!({
            "staff_id": staff.rsplit('/').next().unwrap(), "patient_id": one.rsplit('/').next().unwrap(),
            "start": day(days), "duration_minutes": 30, "reason": "Canary-Reason", "notes": "Canary-Visit-Notes",
        })
    };
    let first = caller.made(&visits, visit(1)).await;
    let second = caller.made(&visits, visit(2)).await;
    let third = caller.made(&visits, visit(3)).await;
    assert_eq!(caller.send("POST", &visits, Some(visit(1))).await.0, 409);
    let steps = [("confirmed", 200), ("completed", 409), ("checked_in", 200), ("completed", 200)];
    for (status, expected) in steps {
        let step = Some(json!({ "status": status }));
        assert_eq!(caller.send("POST", &format!("{first}/status"), step).await.0, expected);
    }
    let cancelled = Some(json!({ "reason": "Canary-Cancelled" }));
    for expected in [200, 409] {
        assert_eq!(
            caller.send("POST", &format!("{second}/cancel"), cancelled.clone()).await.0,
            expected
        );
    }
    scheduling(caller, &clinic, &staff, &one).await;
    plain_records(caller, &clinic).await;
    let reads = [
        "/v1/clinics?limit=1".to_owned(),
        clinic.clone(),
        format!("{clinic}/overview?limit=1"),
        format!("{clinic}/staff?limit=1"),
        staff.clone(),
        "/v1/patients?mrn=CANARY-MRN".to_owned(),
        one.clone(),
        format!("{one}/appointments?limit=1"),
        format!("{one}/export"),
        format!("{one}/accesses?limit=1"),
        format!("{one}/audit?limit=1"),
        format!("{clinic}/audit?limit=1"),
        format!("{first}/audit?limit=1"),
        format!("{visits}?limit=1"),
        first.clone(),
        "/livez".to_owned(),
        "/readyz".to_owned(),
        "/version".to_owned(),
    ];
    for read in &reads {
        assert_eq!(caller.send("GET", read, None).await.0, 200, "{read}");
    }
    let changes = [
        (&clinic, json!({ "name": "C" })),
        (&staff, json!({ "name": "U" })),
        (&one, json!({ "name": "Canary-Name-2", "mrn": "CANARY-OTHER-MRN", "notes": null })),
        (&first, json!({ "notes": "Canary-Visit-Notes-2", "reason": null })),
    ];
    for (path, patch) in changes {
        assert_eq!(caller.send("PATCH", path, Some(patch)).await.0, 200, "{path}");
    }
    rubbish(caller, &one, &visits, &first).await;
    assert_eq!(caller.send("DELETE", &one, None).await.0, 409);
    assert_eq!(caller.send("DELETE", &third, None).await.0, 204);
    assert_eq!(caller.send("DELETE", &format!("{one}?mode=Canary-Wrong"), None).await.0, 400);
    assert_eq!(caller.send("DELETE", &clinic, None).await.0, 409);
    webhooks(caller, &webhook, receiver).await;
    // The visit that is completed is to come all the same: another patient is erased, staff and clinic are deleted.
    let other = caller.made("/v1/patients", json!({ "name": "Canary-Name" })).await;
    assert_eq!(caller.send("DELETE", &format!("{other}?mode=erase"), None).await.0, 204);
    let empty = caller.made("/v1/clinics", json!({ "name": "D", "time_zone": "UTC" })).await;
    let leaves =
        caller.made(&format!("{empty}/staff"), json!({ "name": "V", "role": "nurse" })).await;
    for path in [leaves, empty] {
        assert_eq!(caller.send("DELETE", &path, None).await.0, 204);
    }
}

/// Events as they are sent and shown.
async fn webhooks(caller: &mut Caller, webhook: &str, receiver: &Receiver) {
    for received in receiver.wait_for(10).await {
        caller.kept.push(("event".to_owned(), format!("{received:?}")));
    }
    let deliveries = format!("{webhook}/deliveries?limit=1");
    let (status, listed) = caller.send("GET", &deliveries, None).await;
    assert_eq!(status, 200, "{listed}");
    let delivery = format!("{webhook}/deliveries/{}", listed["items"][0]["id"].as_str().unwrap());
    for (method, path, body) in [
        ("GET", delivery.clone(), None),
        ("POST", format!("{delivery}/replay"), None),
        ("GET", "/v1/webhooks?limit=1".to_owned(), None),
        ("GET", webhook.to_owned(), None),
        ("POST", format!("{webhook}/rotate-secret"), None),
        ("PATCH", webhook.to_owned(), Some(json!({ "active": false }))),
    ] {
        let (status, answer) = caller.send(method, &path, body).await;
        assert_eq!(status, 200, "{method} {path}: {answer}");
    }
    assert_eq!(caller.send("DELETE", webhook, None).await.0, 204);
}

/// Working time, holding, moving, and what is free, with markers wherever there is text.
async fn scheduling(caller: &mut Caller, clinic: &str, staff: &str, one: &str) {
    let id = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    let room = json!({ "name": "R", "kind": "room" });
    let room = caller.made(&format!("{clinic}/resources"), room).await;
    let visit_type = json!({ "name": "V", "duration_minutes": 30 });
    let visit_type = caller.made(&format!("{clinic}/visit-types"), visit_type).await;
    let tomorrow = {
        let now = clinic_api::time::Clock::now(&clinic_api::time::SystemClock);
        clinic_api::time::utc_date(now).tomorrow().unwrap()
    };
    let later = tomorrow.saturating_add(jiff::Span::new().days(30));
    let leave = json!({
        "staff_id": id(staff), "first_date": later, "last_date": later,
        "effect": "closed", "reason": "Canary-Leave"
    });
    let leave = caller.made(&format!("{clinic}/exceptions"), leave).await;
    for (start, end) in [("14:00", "confirm"), ("16:00", "release")] {
        let hold = json!({
            "staff_id": id(staff), "resource_ids": [id(&room)], "visit_type_id": id(&visit_type),
            "start": format!("{tomorrow}T{start}:00Z")
        });
        let (status, held) = caller.send("POST", &format!("{clinic}/holds"), Some(hold)).await;
        assert_eq!(status, 201, "{held}");
        let path = format!("{clinic}/holds/{}", held["id"].as_str().unwrap());
        let mut body = json!({ "hold_secret": "Canary-Wrong" });
        assert_eq!(caller.send("POST", &format!("{path}/{end}"), Some(body.clone())).await.0, 403);
        body["hold_secret"] = held["hold_secret"].clone();
        if end == "confirm" {
            body["patient_id"] = json!(id(one));
            body["reason"] = json!("Canary-Reason");
            body["notes"] = json!("Canary-Visit-Notes");
        }
        assert_eq!(caller.send("POST", &format!("{path}/{end}"), Some(body)).await.0, 200);
        if end == "confirm" {
            let booked = path.replace("/holds/", "/appointments/");
            let to = json!({
                "start": format!("{tomorrow}T14:10:00Z"),
                "overrides": { "overbook": true, "any_hours": true, "reason": "Canary-Override" }
            });
            let moved = caller.send("POST", &format!("{booked}/reschedule"), Some(to)).await;
            assert_eq!(moved.0, 200);
            assert_eq!(caller.send("DELETE", &booked, None).await.0, 204);
        }
    }
    let of_type = format!("visit_type={}", id(&visit_type));
    for read in [
        leave.clone(),
        format!("{clinic}/exceptions?limit=1"),
        format!("{clinic}/availability?{of_type}"),
        format!("{clinic}/day/{tomorrow}"),
    ] {
        assert_eq!(caller.send("GET", &read, None).await.0, 200, "{read}");
    }
    for path in [&leave, &visit_type, &room] {
        assert_eq!(caller.send("DELETE", path, None).await.0, 204, "{path}");
    }
}

/// The operations of every plain record of a clinic.
async fn plain_records(caller: &mut Caller, clinic: &str) {
    for collection in plain_collections() {
        let all = format!("{clinic}/{collection}");
        let one = caller.made(&all, good_body(&collection)).await;
        let patch = Some(good_patch(&collection));
        assert_eq!(caller.send("GET", &format!("{all}?limit=1"), None).await.0, 200, "{all}");
        assert_eq!(caller.send("GET", &one, None).await.0, 200, "{one}");
        assert_eq!(caller.send("PATCH", &one, patch).await.0, 200, "{one}");
        assert_eq!(caller.send("DELETE", &one, None).await.0, 204, "{one}");
    }
}

/// Rubbish, with what may be meant for a record in it.
async fn rubbish(caller: &mut Caller, one: &str, visits: &str, first: &str) {
    let rubbish = [
        ("PATCH", one.to_owned(), json!({ "name": ["Canary-Wrong"], "phone": "Canary-Wrong" })),
        (
            "PATCH",
            one.to_owned(),
            json!({ "birth_date": "Canary-Wrong", "unknown": "Canary-Wrong" }),
        ),
        ("PATCH", one.to_owned(), json!("Canary-Wrong")),
        ("PATCH", first.to_owned(), json!({ "notes": { "canary-wrong": 1 } })),
        (
            "POST",
            "/v1/patients".to_owned(),
            json!({ "name": "Canary-Wrong\u{0}", "mrn": "Canary-Wrong!", "email": "Canary-Wrong" }),
        ),
        (
            "POST",
            visits.to_owned(),
            json!({ "start": "Canary-Wrong", "duration_minutes": "Canary-Wrong" }),
        ),
        ("POST", format!("{first}/status"), json!({ "status": "Canary-Wrong" })),
    ];
    for (method, path, body) in rubbish {
        assert_eq!(caller.send(method, &path, Some(body)).await.0, 422, "{method} {path}");
    }
    for path in [
        "/v1/patients/Canary-Wrong",
        "/v1/patients?mrn=Canary%20Wrong&unknown=Canary-Wrong",
        "/Canary-Wrong",
        "/v1/clinics?cursor=Canary-Wrong",
    ] {
        assert!(caller.send("GET", path, None).await.0 >= 400);
    }
    assert_eq!(caller.send_as("canary-wrong", "GET", one, None).await.0, 401);
}

fn operations() -> BTreeSet<String> {
    let document = serde_json::to_value(router::api().1).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().keys().map(move |method| format!("{method} {path}"))
    });
    operations.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_marker_of_a_patient_comes_out_where_it_does_not_belong() {
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
        let base = running.base.clone();
        let mut caller =
            Caller { client: http_client(), base, kept: Vec::new(), succeeded: BTreeSet::new() };
        every_operation(&mut caller, &receiver).await;
        assert_eq!(caller.succeeded, operations(), "every operation was done");
        let page = caller.client.get(running.metrics().parse().unwrap()).await.unwrap();
        let page = page.into_body().collect().await.unwrap().to_bytes();
        assert!(page.len() > 1_000);
        caller.kept.push(("metrics".to_owned(), String::from_utf8_lossy(&page).into_owned()));
        let (status, lines) = running.terminate();
        assert!(status.success());
        let spans = collector.bytes();
        assert!(collector.spans().len() > operations().len(), "every request is a span");
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

/// DynamoDB's refusals echo the request, at any length: of a call that was refused, the log says which, with what code, status
/// and AWS request id, and nothing else does more.
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
    let base = running.base.clone();
    let mut caller =
        Caller { client: http_client(), base, kept: Vec::new(), succeeded: BTreeSet::new() };
    let clinic = caller.made("/v1/clinics", json!({ "name": "A", "time_zone": "UTC" })).await;
    let staff =
        caller.made(&format!("{clinic}/staff"), json!({ "name": "S", "role": "nurse" })).await;
    let one = caller.made("/v1/patients", patient()).await;
    let other = caller.made("/v1/patients", json!({ "name": "Canary-Name" })).await;
    let start = clinic_api::time::Clock::now(&clinic_api::time::SystemClock);
    let start = clinic_api::time::utc_date(start).saturating_add(jiff::Span::new().days(2));
    let visit = json!({
        "staff_id": staff.rsplit('/').next().unwrap(), "patient_id": one.rsplit('/').next().unwrap(),
        "start": format!("{start}T09:00:00Z"), "duration_minutes": 30,
        "reason": "Canary-Reason", "notes": "Canary-Visit-Notes",
    });
    let visits = format!("{clinic}/appointments");
    let booked = caller.made(&visits, visit.clone()).await;
    let refused = [
        ("PutItem", "PATCH", one.clone(), Some(json!({ "notes": "Canary-Notes-2" }))),
        ("UpdateItem", "POST", format!("{booked}/status"), Some(json!({ "status": "confirmed" }))),
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
        // A request with a key would be written in a transaction.
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
    // Of our own lines; those of libraries at `trace` have no foreign text either, and may be long.
    let ours = lines.lines().filter(|line| line.contains("\"target\":\"clinic_api"));
    ours.for_each(|line| assert!(line.len() < 2_000, "{line}"));
    caller.kept.extend(lines.lines().map(|line| ("log".to_owned(), line.to_owned())));
    assert_nothing_shows(&caller.kept);
}

/// What operators see of a refusal that echoes the request: of bulk writes and of reading the table as a whole.
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
    let seed = ["table", "seed", "--clinics", "1", "--staff", "1", "--patients", "5"];
    let seed = [&seed[..], &["--appointments", "5", "--confirm-table", &table.name]].concat();
    for (operation, arguments) in [
        ("BatchWriteItem", &seed[..]),
        ("Scan", &["table", "verify"]),
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
