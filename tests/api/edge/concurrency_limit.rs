//! The limit of concurrent requests: a request above it gets 503 with `Retry-After` and has no effect.

use std::time::Duration;

use clinic_api::app::RequestLimits;
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Answer, Call, ClinicMade, TestApp, booking, eventually};

const START: &str = "2035-01-16T09:00:00";

/// Two services on one table: one with the default limit, one with a limit of `requests`.
async fn with_limit(requests: usize) -> (TestApp, TestApp, ClinicMade) {
    let unlimited = TestApp::spawn().await;
    let clinic = unlimited.ready_clinic().await;
    let limits = RequestLimits { concurrent: requests, ..RequestLimits::default() };
    let limited = TestApp::builder().limits(limits).replica_of(&unlimited);
    unlimited.wire.forget();
    (unlimited, limited, clinic)
}

/// Requests of all kinds.
fn of_all_kinds(app: &TestApp, clinic: &ClinicMade) -> Vec<Call> {
    let ClinicMade { path, patient, staff, .. } = clinic;
    let patient_path = format!("/v1/patients/{patient}");
    vec![
        app.get(path),
        app.get(&patient_path),
        app.get(&format!("{path}/appointments?date=2035-01-16")),
        app.get(path).anonymous(),
        app.get(path).bearer("no.token.at.all"),
        app.get("/openapi.json"),
        app.get("/nowhere"),
        app.post("/v1/patients").json(&json!({ "name": "N" })),
        app.post("/v1/patients").idempotent("again").json(&json!({ "name": "N" })),
        app.post(&format!("{path}/appointments")).json(&booking(staff, patient, START, 30)),
        app.patch(&patient_path).json(&json!({ "name": "P" })),
        app.delete(&patient_path),
        app.post("/v1/patients").bytes("application/json", b"{"),
    ]
}

fn assert_rejected(answer: Answer) {
    assert_eq!(answer.header("retry-after"), "1");
    assert!(!answer.headers.contains_key("ratelimit"), "nothing was counted");
    let problem = answer.problem(503, "overloaded");
    assert!(problem["detail"].as_str().unwrap().contains("did not process"));
}

#[tokio::test]
async fn a_request_above_the_limit_gets_retry_after_and_changes_nothing() {
    let (unlimited, limited, clinic) = with_limit(1).await;
    let before = unlimited.all_items().await;
    let (has_come, go_on) = unlimited.wire.pause_before("GetItem");
    let held = tokio::spawn(limited.get(&clinic.path).send());
    has_come.await.unwrap();
    unlimited.wire.forget();
    for call in of_all_kinds(&limited, &clinic) {
        assert_rejected(call.send().await);
    }
    for answer in join_all((0..200).map(|_| limited.get(&clinic.path).send())).await {
        assert_rejected(answer);
    }
    assert_eq!(unlimited.wire.take_calls(), [], "nothing of it reached the store");
    for path in ["/livez", "/readyz", "/version"] {
        limited.get(path).send().await.expect(200);
    }
    unlimited.wire.forget();
    go_on.send(()).unwrap();
    held.await.unwrap().expect(200);
    assert_eq!(unlimited.all_items().await, before);
    // The permit is free again at once. A retry with the same key is served like a first request.
    limited.get(&clinic.path).send().await.expect(200);
    let again = || limited.post("/v1/patients").idempotent("again").json(&json!({ "name": "N" }));
    let first = again().send().await.expect(201);
    assert_eq!(again().send().await.expect(201).json(), first.json());
}

#[tokio::test]
async fn a_caller_who_hangs_up_frees_the_permit() {
    let (unlimited, limited, clinic) = with_limit(1).await;
    for _ in 0..3 {
        let (has_come, _go_on) = unlimited.wire.pause_before("GetItem");
        let held = tokio::spawn(limited.get(&clinic.path).send());
        has_come.await.unwrap();
        assert_rejected(limited.get(&clinic.path).send().await);
        held.abort();
        assert!(held.await.unwrap_err().is_cancelled());
        limited.get(&clinic.path).send().await.expect(200);
    }
}

#[tokio::test]
async fn no_more_requests_than_the_limit_reach_the_store_at_once() {
    const LIMIT: usize = 8;
    let (unlimited, limited, clinic) = with_limit(LIMIT).await;
    let path = format!("/v1/patients/{}", clinic.patient);
    // One organisation has half of the permits at most.
    let other = limited.in_org("ORG-OTHER");
    let others = format!("/v1/patients/{}", other.patient().await);
    unlimited.wire.forget();
    // Long enough for requests with a permit to overlap.
    unlimited.wire.slow_down(Duration::from_millis(50));
    let mut served = 0;
    while served < 5 * LIMIT {
        let calls = (0..50).flat_map(|_| [limited.get(&path), other.get(&others)]);
        let answers = join_all(calls.map(Call::send)).await;
        let (taken, refused): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| answer.status == 200);
        assert!(!taken.is_empty(), "some requests get a permit");
        served += taken.len();
        for answer in refused {
            if answer.status == 503 {
                assert_rejected(answer);
            } else {
                answer.problem(429, "concurrency_limited");
            }
        }
    }
    let calls = unlimited.wire.take_calls();
    let at_once =
        |moment| calls.iter().filter(|call| call.span.0 <= moment && moment <= call.span.1).count();
    let most = calls.iter().map(|call| at_once(call.span.0)).max().unwrap();
    assert!((2..=LIMIT).contains(&most), "{most} at once");
    unlimited.wire.slow_down(Duration::ZERO);
    let free = async || (limited.get(&path).send().await.status == 200).then_some(());
    eventually("it recovers", free).await;
}
