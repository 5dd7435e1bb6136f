//! More requests than the service takes: who is turned away is told so, and nothing else happens.

use std::time::Duration;

use clinic_api::app::RequestLimits;
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Answer, Call, ClinicMade, TestApp, booking, eventually};

const START: &str = "2035-01-16T09:00:00";

/// A service that takes so many requests at once, on the table of one that takes more.
async fn with_places(number: usize) -> (TestApp, TestApp, ClinicMade) {
    let roomy = TestApp::spawn().await;
    let clinic = roomy.ready_clinic().await;
    let narrow =
        roomy.with_limits(RequestLimits { concurrent: number, ..RequestLimits::default() });
    roomy.wire.forget();
    (roomy, narrow, clinic)
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

fn is_turned_away(answer: Answer) {
    assert_eq!(answer.header("retry-after"), "1");
    assert!(!answer.headers.contains_key("ratelimit"), "nothing was counted");
    let problem = answer.problem(503, "overloaded");
    assert!(problem["detail"].as_str().unwrap().contains("Nothing was done"));
}

#[tokio::test]
async fn who_is_turned_away_is_told_when_to_come_again_and_changes_nothing() {
    let (roomy, narrow, clinic) = with_places(1).await;
    let before = roomy.all_items().await;
    let (has_come, go_on) = roomy.wire.pause_before("GetItem");
    let held = tokio::spawn(narrow.get(&clinic.path).send());
    has_come.await.unwrap();
    roomy.wire.forget();
    for call in of_all_kinds(&narrow, &clinic) {
        is_turned_away(call.send().await);
    }
    for answer in join_all((0..200).map(|_| narrow.get(&clinic.path).send())).await {
        is_turned_away(answer);
    }
    assert_eq!(roomy.wire.take_calls(), [], "nothing of it reached the store");
    for path in ["/livez", "/readyz", "/version"] {
        narrow.get(path).send().await.expect(200);
    }
    roomy.wire.forget();
    go_on.send(()).unwrap();
    held.await.unwrap().expect(200);
    assert_eq!(roomy.all_items().await, before);
    // There is a place again at once, and who comes again with the same key is served as if for the first time.
    narrow.get(&clinic.path).send().await.expect(200);
    let again = || narrow.post("/v1/patients").idempotent("again").json(&json!({ "name": "N" }));
    let first = again().send().await.expect(201);
    assert_eq!(again().send().await.expect(201).json(), first.json());
}

#[tokio::test]
async fn who_hangs_up_gives_the_place_back() {
    let (roomy, narrow, clinic) = with_places(1).await;
    for _ in 0..3 {
        let (has_come, _go_on) = roomy.wire.pause_before("GetItem");
        let held = tokio::spawn(narrow.get(&clinic.path).send());
        has_come.await.unwrap();
        is_turned_away(narrow.get(&clinic.path).send().await);
        held.abort();
        assert!(held.await.unwrap_err().is_cancelled());
        narrow.get(&clinic.path).send().await.expect(200);
    }
}

#[tokio::test]
async fn no_more_requests_than_there_are_places_ask_the_store_at_once() {
    const PLACES: usize = 8;
    let (roomy, narrow, clinic) = with_places(PLACES).await;
    // So long that those who have places overlap.
    roomy.wire.slow_down(Duration::from_millis(50));
    let path = format!("/v1/patients/{}", clinic.patient);
    let mut served = 0;
    while served < 5 * PLACES {
        let answers = join_all((0..100).map(|_| narrow.get(&path).send())).await;
        let (taken, refused): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| answer.status == 200);
        assert!(!taken.is_empty(), "there is always room for some");
        served += taken.len();
        refused.into_iter().for_each(is_turned_away);
    }
    let calls = roomy.wire.take_calls();
    let at_once =
        |moment| calls.iter().filter(|call| call.span.0 <= moment && moment <= call.span.1).count();
    let most = calls.iter().map(|call| at_once(call.span.0)).max().unwrap();
    assert!((2..=PLACES).contains(&most), "{most} at once");
    roomy.wire.slow_down(Duration::ZERO);
    let free = async || (narrow.get(&path).send().await.status == 200).then_some(());
    eventually("it recovers", free).await;
}
