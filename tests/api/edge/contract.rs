//! The HTTP contract: every error path, preconditions, request ids.

use std::time::Duration;

use axum::{Router, http::Method, routing::get};
use clinic_api::{
    http::{concurrency::ConcurrencyLimit, headers::HeaderSettings},
    service::layered,
};
use serde_json::json;

use crate::support::{Call, TestApp};

#[tokio::test]
async fn an_unknown_path_is_a_problem() {
    let app = TestApp::spawn().await;
    for path in ["/nope", "/v1", "/v1/clinics/", "/v2/clinics", "//"] {
        app.get(path).send().await.problem(404, "no_route");
    }
}

#[tokio::test]
async fn a_wrong_method_is_a_problem_that_names_the_right_ones() {
    let app = TestApp::spawn().await;
    let refused = app.request(Method::PUT, "/v1/clinics").send().await;
    assert_eq!(refused.header("allow"), "GET,HEAD,POST");
    let problem = refused.problem(405, "method_not_allowed");
    assert!(problem["detail"].as_str().unwrap().contains("GET, HEAD, POST"), "{problem}");
    let without_get = app.clinic().await + "/appointments/APT-1/cancel";
    let refused = app.get(&without_get).send().await;
    assert_eq!(refused.header("allow"), "POST");
    let problem = refused.problem(405, "method_not_allowed");
    assert!(problem["detail"].as_str().unwrap().contains("POST"), "{problem}");
}

#[tokio::test]
async fn bad_json_is_a_problem_with_its_place() {
    let app = TestApp::spawn().await;
    for bad in
        ["{", "", "{\"name\":}", "nul", "{\"name\":\"A\",\"time_zone\":\"UTC\"} x", "\u{feff}{}"]
    {
        let call = app.post("/v1/clinics").bytes("application/json", bad.as_bytes());
        let answer = call.send().await;
        if bad.is_empty() {
            assert_eq!(answer.invalid_fields(), ["/name"], "an empty body is an empty object");
        } else {
            let problem = answer.problem(400, "invalid_json");
            assert!(problem["detail"].as_str().unwrap().contains("line 1, column"), "{problem}");
        }
    }
    let not_utf8 = app.post("/v1/clinics").bytes("application/json", b"{\"name\":\"\xff\"}");
    not_utf8.send().await.problem(400, "invalid_json");
    let path = app.clinic().await;
    app.patch(&path).bytes("application/json", b"{").send().await.problem(400, "invalid_json");
    let array = app.patch(&path).bytes("application/merge-patch+json", b"[]").send().await;
    assert_eq!(array.invalid_fields(), [""]);
}

#[tokio::test]
async fn duplicate_members_are_refused_where_a_record_is_made() {
    let app = TestApp::spawn().await;
    let twice = br#"{"name":"A","name":"B","time_zone":"UTC"}"#;
    let refused = app.post("/v1/clinics").bytes("application/json", twice).send().await;
    assert_eq!(refused.invalid_fields(), ["/name"]);
}

#[tokio::test]
async fn another_content_type_is_a_problem() {
    let app = TestApp::spawn().await;
    let body = json!({ "name": "A", "time_zone": "UTC" }).to_string();
    for bad in
        ["text/plain", "application/xml", "application/jsonx", "application/merge-patch+json", ""]
    {
        let refused = app.post("/v1/clinics").bytes(bad, body.as_bytes()).send().await;
        refused.problem(415, "unsupported_media_type");
    }
    let good = app.post("/v1/clinics").bytes("Application/JSON; charset=utf-8", body.as_bytes());
    let path = good.send().await.expect(201).location();
    let refused = app.patch(&path).bytes("text/plain", b"{}").send().await;
    refused.problem(415, "unsupported_media_type");
}

#[tokio::test]
async fn too_large_a_body_is_a_problem() {
    let app = TestApp::spawn().await;
    let body = json!({ "name": "x".repeat(70_000), "time_zone": "UTC" });
    app.post("/v1/clinics").json(&body).send().await.problem(413, "body_too_large");
    let announced = app.post("/v1/clinics").bytes("application/json", b"{}");
    let announced = announced.header("content-length", "100000000").send().await;
    announced.problem(413, "body_too_large");
    let fits = json!({ "name": "x".repeat(60_000), "time_zone": "UTC" });
    assert_eq!(app.post("/v1/clinics").json(&fits).send().await.invalid_fields(), ["/name"]);
}

#[tokio::test]
async fn deep_json_is_refused() {
    let app = TestApp::spawn().await;
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let refused = app.post("/v1/clinics").bytes("application/json", deep.as_bytes()).send().await;
    refused.problem(400, "invalid_json");
    let path = app.clinic().await;
    let patch = format!("{{\"name\":{deep}}}");
    let refused = app.patch(&path).bytes("application/json", patch.as_bytes()).send().await;
    refused.problem(400, "invalid_json");
}

#[tokio::test]
async fn an_array_is_no_object() {
    let app = TestApp::spawn().await;
    let cases = [
        (json!(["A", "UTC", null, null, null, []]), ""),
        (json!({ "name": "A", "time_zone": "UTC", "position": [1.0, 2.0] }), "/position"),
        (
            json!({ "name": "A", "time_zone": "UTC", "opening_hours": [["monday", "08:00", "09:00"]] }),
            "/opening_hours/0",
        ),
        (
            json!({ "name": "A", "time_zone": "UTC", "opening_hours": [{ "weekday": { "monday": null }, "from": "08:00", "to": "09:00" }] }),
            "/opening_hours/0/weekday",
        ),
    ];
    for (body, pointer) in cases {
        let refused = app.post("/v1/clinics").json(&body).send().await;
        assert_eq!(refused.invalid_fields(), [pointer], "{body}");
    }
    let path = app.clinic().await;
    let refused = app.patch(&path).json(&json!({ "position": [1.0, 2.0] })).send().await;
    assert_eq!(refused.invalid_fields(), ["/position"]);
}

#[tokio::test]
async fn a_malformed_id_in_the_path_is_a_problem() {
    let app = TestApp::spawn().await;
    let clinic = app.clinic().await;
    let lower = clinic.replace("CLN-", "cln-");
    let paths = [
        "/v1/clinics/abc",
        &lower,
        "/v1/patients/CLN-123",
        &format!("{clinic}/staff/x"),
        &format!("{clinic}/appointments/%00"),
        "/v1/clinics/%ff",
    ];
    for path in paths {
        app.get(path).send().await.problem(400, "invalid_parameter");
    }
}

#[tokio::test]
async fn a_message_never_quotes_the_value_that_was_wrong() {
    let app = TestApp::spawn().await;
    let secret = "Secret-4711";
    let bodies = [
        json!({ "name": "A", "birth_date": secret }),
        json!({ "name": "A", "active": secret }),
        json!({ "name": [secret] }),
        json!({ "name": "A", "phones": [{ "value": secret, "use": secret }], "email": secret }),
        json!({ "name": "A", "phones": [{ "value": secret }], "email": secret }),
        json!({ "name": { "family": 1, "prefix": secret } }),
        json!({ "name": format!("{secret}\u{0}") }),
        json!({ "name": "A", "gender": secret }),
        json!({ "name": "A", "deceased": secret, "language": secret }),
        json!({ "name": "A", "identifiers": [{ "system": secret, "value": "\n" }] }),
    ];
    for body in bodies {
        let answer = app.post("/v1/patients").json(&body).send().await.expect(422);
        assert!(!String::from_utf8_lossy(&answer.body).contains(secret), "{answer:?}");
    }
}

#[tokio::test]
async fn a_record_read_again_is_not_sent_again() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let appointment = app.booked(&clinic, "2035-01-16T09:00:00").await;
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    let patient = format!("/v1/patients/{}", clinic.patient);
    for path in [&clinic.path, &staff, &patient, &appointment] {
        let tag = app.get(path).send().await.header("etag").to_owned();
        let unchanged = app.get(path).header("if-none-match", &tag).send().await.expect(304);
        assert_eq!((unchanged.header("etag"), unchanged.body.len()), (tag.as_str(), 0));
        app.get(path).header("if-none-match", "\"99\"").send().await.expect(200);
        let malformed = app.get(path).header("if-none-match", "1").send().await;
        malformed.problem(400, "invalid_parameter");
    }
}

#[tokio::test]
async fn a_stale_change_is_refused_and_changes_nothing() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let appointment = app.booked(&clinic, "2035-01-16T09:00:00").await;
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    let patient = format!("/v1/patients/{}", clinic.patient);
    for path in [&clinic.path, &staff, &patient, &appointment] {
        for stale in ["\"2\"", "W/\"1\"", "\"x\""] {
            let name = if *path == appointment { "notes" } else { "name" };
            let patch = app.patch(path).json(&json!({ name: "N" })).header("if-match", stale);
            let refused = patch.send().await;
            assert_eq!(refused.header("etag"), "\"1\"", "the one that it is at");
            refused.problem(412, "precondition_failed");
            let delete = app.delete(path).header("if-match", stale).send().await;
            delete.problem(412, "precondition_failed");
        }
        for current in ["*", "\"1\"", "W/\"1\""] {
            let delete = app.delete(path).header("if-none-match", current).send().await;
            assert_eq!(delete.header("etag"), "\"1\"");
            delete.problem(412, "precondition_failed");
        }
        assert_eq!(app.get(path).send().await.header("etag"), "\"1\"");
    }
    for step in ["status", "cancel"] {
        let call = || {
            let body = if step == "status" { json!({ "status": "confirmed" }) } else { json!({}) };
            app.post(&format!("{appointment}/{step}")).json(&body)
        };
        call().header("if-match", "\"2\"").send().await.problem(412, "precondition_failed");
        let keyed = call().header("if-match", "\"2\"").idempotent(step).send().await;
        keyed.problem(412, "precondition_failed");
    }
    let fresh =
        app.patch(&clinic.path).json(&json!({ "name": "N" })).header("if-match", "\"7\", \"1\"");
    assert_eq!(fresh.send().await.expect(200).header("etag"), "\"2\"");
    let any = app.patch(&clinic.path).json(&json!({ "name": "M" })).header("if-match", "*");
    any.send().await.expect(200);
    let malformed = app.patch(&clinic.path).json(&json!({})).header("if-match", "3").send().await;
    malformed.problem(400, "invalid_parameter");
    app.check_day_sheets().await;
}

#[tokio::test]
async fn a_request_id_comes_back_and_stands_in_what_was_written() {
    let app = TestApp::spawn().await;
    let body = json!({ "name": "A", "time_zone": "UTC" });
    let made = app.post("/v1/clinics").json(&body).header("x-request-id", "trace-42").send().await;
    assert_eq!(made.expect(201).header("x-request-id"), "trace-42");
    let written = app.all_items().await[0]["request_id"].as_s().unwrap().clone();
    assert!(written.starts_with("trace-42~"), "{written}");
    let own = app.get("/livez").send().await.expect(200);
    assert_eq!(own.header("x-request-id").len(), 24);
    let forged = app.get("/livez").header("x-request-id", "a b").send().await;
    assert_ne!(forged.header("x-request-id"), "a b");
}

#[tokio::test]
async fn the_same_request_id_twice_does_not_make_two_requests_one() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, "2035-01-16T09:00:00").await;
    let cancel = || app.post(&format!("{path}/cancel")).header("x-request-id", "same").send();
    cancel().await.expect(200);
    cancel().await.problem(409, "invalid_transition");
}

#[tokio::test]
async fn answers_are_not_to_be_stored_or_sniffed() {
    let app = TestApp::spawn().await;
    for path in ["/v1/clinics", "/nope", "/livez", "/docs/nope"] {
        let answer = app.get(path).send().await;
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_a_problem() {
    let slow = async || tokio::time::sleep(Duration::from_mins(1)).await;
    let routes = Router::new().route("/slow", get(slow));
    let router = layered(
        routes,
        Duration::from_millis(20),
        HeaderSettings::default(),
        ConcurrencyLimit::new(1),
    );
    let answer = Call::new(router, Method::GET, "/slow").send().await;
    assert_eq!(answer.header("retry-after"), "1");
    answer.problem(503, "deadline_exceeded");
}

#[tokio::test]
async fn a_panic_is_a_plain_500() {
    async fn panics() -> &'static str {
        panic!("Secret-4711")
    }
    let routes = Router::new().route("/panic", get(panics));
    let router = layered(
        routes,
        Duration::from_mins(1),
        HeaderSettings::default(),
        ConcurrencyLimit::new(1),
    );
    let answer = Call::new(router, Method::GET, "/panic").send().await;
    assert!(!String::from_utf8_lossy(&answer.body).contains("4711"));
    answer.problem(500, "internal_error");
}

#[tokio::test]
async fn head_answers_as_get_without_the_body() {
    let app = TestApp::spawn().await;
    let path = app.clinic().await;
    let head = app.request(Method::HEAD, &path).send().await.expect(200);
    let get = app.get(&path).send().await.expect(200);
    assert_eq!((head.header("etag"), head.body.len()), (get.header("etag"), 0));
    app.request(Method::HEAD, "/v1/clinics/abc").send().await.expect(400);
}
