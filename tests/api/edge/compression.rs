//! Compressed responses, and what their entity tags mean for preconditions.

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, weekly_span};

const CODINGS: [&str; 3] = ["gzip", "br", "zstd"];

/// A clinic whose record is longer than 1 KB, by its path.
async fn long_clinic(app: &TestApp) -> String {
    let lines = vec!["Seefeldstrasse ".repeat(13); 4];
    let days = ["monday", "tuesday", "wednesday", "thursday", "friday"];
    let hours = days.map(|day| weekly_span(day, "08:00", "12:00"));
    let clinic = json!({
        "name": "Seefeld", "time_zone": "Europe/Zurich",
        "address": { "lines": lines }, "opening_hours": hours,
    });
    app.post("/v1/clinics").json(&clinic).send().await.expect(201).location()
}

async fn decoded(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.decoded().await).unwrap()
}

#[tokio::test]
async fn a_long_response_is_compressed_as_the_caller_accepts_it() {
    let app = TestApp::spawn().await;
    let path = long_clinic(&app).await;
    let plain = app.get(&path).send().await.expect(200);
    assert!(!plain.headers.contains_key("content-encoding"));
    assert_eq!(plain.header("vary"), "accept-encoding");
    for coding in CODINGS {
        let answer = app.get(&path).header("accept-encoding", coding).send().await.expect(200);
        assert_eq!(answer.header("content-encoding"), coding);
        assert_eq!(answer.header("content-length"), answer.body.len().to_string());
        assert_eq!(answer.header("vary"), "accept-encoding");
        assert!(answer.body.len() < plain.body.len() / 2, "{coding}");
        assert_eq!(decoded(&answer).await, plain.json());
        let head = app.request(Method::HEAD, &path).header("accept-encoding", coding).send().await;
        assert_eq!(head.header("etag"), answer.header("etag"));
        assert!(head.body.is_empty());
    }
    for (accepted, coding) in [
        ("gzip, deflate, br, zstd", Some("zstd")),
        ("gzip;q=1.0, br;q=0.5", Some("gzip")),
        ("gzip;q=0", None),
        ("identity", None),
        ("compress", None),
        ("", None),
    ] {
        let answer = app.get(&path).header("accept-encoding", accepted).send().await.expect(200);
        let chosen = answer.headers.get("content-encoding").map(|value| value.to_str().unwrap());
        assert_eq!(chosen, coding, "{accepted}");
    }
}

#[tokio::test]
async fn a_short_response_is_not_compressed() {
    let app = TestApp::spawn().await;
    let path = app.clinic().await;
    let answer = app.get(&path).header("accept-encoding", "gzip").send().await.expect(200);
    assert!(answer.body.len() < 1024 && !answer.headers.contains_key("content-encoding"));
    assert_eq!(answer.header("etag"), "\"1\"");
    let empty = app.delete(&path).header("accept-encoding", "gzip").send().await.expect(204);
    assert!(!empty.headers.contains_key("content-encoding"));
    let problem = app.get(&path).header("accept-encoding", "gzip").send().await;
    problem.problem(404, "not_found");
    let image = app.get("/docs/favicon-32x32.png").header("accept-encoding", "gzip");
    assert!(!image.send().await.expect(200).headers.contains_key("content-encoding"));
}

#[tokio::test]
async fn the_tag_of_a_compressed_response_is_its_own_and_works_as_a_precondition() {
    let app = TestApp::spawn().await;
    let path = long_clinic(&app).await;
    for (rev, coding) in (1..).zip(CODINGS) {
        let read = app.get(&path).header("accept-encoding", coding).send().await.expect(200);
        let tag = format!("\"{rev}-{coding}\"");
        assert_eq!(read.header("etag"), tag);
        // The caller has this revision, whatever the coding of the next response would be.
        for accepted in ["identity", coding] {
            let call = app.get(&path).header("accept-encoding", accepted);
            let current = call.header("if-none-match", &tag).send().await.expect(304);
            assert_eq!((current.header("etag"), current.body.len()), (tag.as_str(), 0));
            assert_eq!(current.header("vary"), "accept-encoding");
        }
        let change = || app.patch(&path).json(&json!({ "name": format!("Seefeld {coding}") }));
        let stale = format!("\"{}-{coding}\"", rev + 1);
        let refused = change().header("if-match", &stale).send().await;
        assert_eq!(refused.header("etag"), format!("\"{rev}\""));
        refused.problem(412, "precondition_failed");
        let changed = change().header("if-match", &tag).header("accept-encoding", coding);
        let changed = changed.send().await.expect(200);
        assert_eq!(changed.header("etag"), format!("\"{}-{coding}\"", rev + 1));
        assert_eq!(decoded(&changed).await["name"], format!("Seefeld {coding}"));
        let known = app.get(&path).header("if-none-match", &tag).send().await.expect(200);
        assert_eq!(known.header("etag"), format!("\"{}\"", rev + 1));
    }
}

#[tokio::test]
async fn a_replay_is_compressed_as_its_own_request_accepts_it() {
    let app = TestApp::spawn().await;
    let clinic = json!({ "name": "N".repeat(200), "time_zone": "UTC",
        "address": { "lines": vec!["x".repeat(200); 4] } });
    let call = || app.post("/v1/clinics").idempotent("one").json(&clinic);
    let first = call().send().await.expect(201);
    let again = call().header("accept-encoding", "br").send().await.expect(201);
    assert_eq!(first.header("etag"), "\"1\"");
    assert_eq!(again.header("etag"), "\"1-br\"");
    assert_eq!(again.location(), first.location());
    assert_eq!(decoded(&again).await, first.json());
}
