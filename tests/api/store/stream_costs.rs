//! The cost of events, webhooks and the audit log. `access_patterns` has the other requests.

use serde_json::json;

use crate::support::{
    TestApp, app::external_endpoint, costs::costs, receiver::Receiver, wire::WireCall,
};

const HOOK: &str = "https://hooks.example.org/clinic";

#[tokio::test]
async fn webhooks_and_deliveries_are_read_by_key_or_by_one_query() {
    let app = TestApp::spawn().await;
    let webhook = app.webhook(HOOK).await;
    costs(&app, app.get(&format!("{webhook}/deliveries")), &[("GetItem", 1.0), ("Query", 0.5)])
        .await;
    let delivery = app.delivery(&webhook).await;
    for path in [&webhook, &delivery] {
        costs(&app, app.get(path), &[("GetItem", 0.5)]).await;
        costs(&app, app.get(&format!("{path}?consistent=true")), &[("GetItem", 1.0)]).await;
    }
    for path in ["/v1/webhooks".to_owned(), format!("{webhook}/deliveries")] {
        costs(&app, app.get(&path), &[("Query", 0.5)]).await;
        costs(&app, app.get(&format!("{path}?consistent=true")), &[("Query", 1.0)]).await;
    }
}

#[tokio::test]
async fn webhooks_are_made_after_a_look_at_how_many_there_are() {
    let app = TestApp::spawn().await;
    let create = app.post("/v1/webhooks").json(&json!({ "url": HOOK }));
    let made = costs(&app, create, &[("PutItem", 1.0), ("Query", 1.0)]).await;
    let path = made.location();
    let patch = app.patch(&path).json(&json!({ "active": false }));
    costs(&app, patch, &[("GetItem", 1.0), ("PutItem", 1.0)]).await;
    let rotate = app.post(&format!("{path}/rotate-secret"));
    costs(&app, rotate, &[("GetItem", 1.0), ("PutItem", 1.0)]).await;
    let delivery = app.delivery(&path).await;
    app.clock.advance(jiff::SignedDuration::from_secs(1));
    let replay = app.post(&format!("{delivery}/replay"));
    // It is pending, and its index entry moves.
    costs(&app, replay, &[("GetItem", 1.0), ("PutItem", 3.0)]).await;
    costs(&app, app.delete(&path), &[("DeleteItem", 1.0), ("GetItem", 1.0)]).await;
}

#[tokio::test]
async fn changes_are_listed_by_one_query() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let appointment = app.booked(&clinic, "2035-01-16T09:00:00").await;
    app.process_changes().await;
    for path in [format!("/v1/patients/{}/audit", clinic.patient), format!("{appointment}/audit")] {
        costs(&app, app.get(&path), &[("Query", 0.5)]).await;
        costs(&app, app.get(&format!("{path}?consistent=true")), &[("Query", 1.0)]).await;
    }
    costs(&app, app.get(&format!("{}/audit", clinic.path)), &[("Query", 0.5)]).await;
}

/// The worker's calls and their cost, sorted, without its registration.
fn asked(app: &TestApp) -> Vec<(String, f64)> {
    let registers = |call: &WireCall| {
        ["Item", "Key"].iter().any(|name| call.request[name]["PK"]["S"] == "WORKERS")
    };
    let calls = app.wire.take_calls().into_iter().filter(|call| !registers(call));
    let calls = calls.map(|call| (call.operation, call.capacity));
    let mut calls: Vec<_> = calls.collect();
    calls.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    calls
}

#[track_caller]
fn assert_costs(found: &[(String, f64)], expected: &[(&str, f64)]) {
    let counts = external_endpoint().is_none();
    let shown = |operation: &str, capacity: f64| {
        (operation.to_owned(), if counts { capacity } else { 0.0 })
    };
    let found: Vec<_> = found.iter().map(|(operation, cost)| shown(operation, *cost)).collect();
    let expected: Vec<_> =
        expected.iter().map(|(operation, cost)| shown(operation, *cost)).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_change_costs_an_item_of_the_trail_and_one_for_each_webhook() {
    let app = TestApp::spawn().await;
    app.patient().await;
    app.wire.forget();
    app.process_changes().await;
    let described = ("DescribeTable", 0.0);
    assert_costs(&asked(&app), &[described, ("PutItem", 1.0), ("Query", 1.0)]);
    for _ in 0..2 {
        app.webhook(HOOK).await;
    }
    app.wire.forget();
    app.process_changes().await;
    // The first item exists. A failed write does not report its cost, which is that of a successful one.
    assert_costs(
        &asked(&app),
        &[described, ("PutItem", 0.0), ("PutItem", 2.0), ("PutItem", 2.0), ("Query", 1.0)],
    );
}

#[tokio::test]
async fn an_attempt_costs_one_read_and_two_writes() {
    let receiver = Receiver::start().await;
    let app = TestApp::builder().webhook_targets(&receiver.allowed()).spawn().await;
    let webhook = app.webhook(&receiver.url()).await;
    app.delivery(&webhook).await;
    app.wire.forget();
    let dispatching = app.dispatch(&receiver.allowed());
    receiver.wait_for(1).await;
    dispatching.stop().await;
    let mut calls = asked(&app);
    calls.retain(|(operation, _)| operation != "Query");
    // Its index entry moves when it is claimed, and is removed when it is done.
    assert_costs(&calls, &[("GetItem", 1.0), ("PutItem", 2.0), ("PutItem", 3.0)]);
}
