//! Writes that succeed and whose reply is lost.

use serde_json::{Value, json};

use super::{START, Writes, size};
use crate::support::{Fault, TestApp, booking};

#[tokio::test]
async fn a_lost_reply_of_any_write_is_known_as_its_own_work() {
    for fault in [Fault::LostReply, Fault::LostReplyAndToken] {
        let writes = Writes::new().await;
        for (operation, call, status) in writes.all() {
            let before = size(&writes.app).await;
            writes.app.wire.disturb(operation, fault);
            writes.app.wire.forget();
            let answer = call.send().await.expect(status);
            assert_eq!(writes.app.wire.waiting(), 0, "{operation}");
            let calls = writes.app.wire.take_calls();
            let tries = calls.iter().filter(|call| call.operation == operation).count();
            assert_eq!(tries, 2, "the SDK tried again: {calls:?}");
            if status == 201 {
                let read = writes.app.get(&answer.location()).send().await.expect(200);
                assert_eq!(read.json(), answer.json());
                // A booking is the appointment, its link and two sheets. A patient is one item, its search items and its
                // marker.
                assert!(size(&writes.app).await <= before + 4, "one effect");
            }
            if status == 200 {
                let path =
                    writes.app.get(&answer_path(&writes, &answer.json())).send().await.expect(200);
                assert_eq!(path.json(), answer.json());
                assert_eq!(path.header("etag"), answer.header("etag"));
            }
        }
        writes.app.check_day_sheets().await;
    }
}

fn answer_path(writes: &Writes, answer: &Value) -> String {
    let id = answer["id"].as_str().unwrap();
    match &id[..4] {
        "CLN-" => format!("/v1/clinics/{id}"),
        "PAT-" => format!("/v1/patients/{id}"),
        "STF-" => format!("{}/staff/{id}", writes.clinic.path),
        _ => format!("{}/appointments/{id}", writes.clinic.path),
    }
}

#[tokio::test]
async fn a_reply_lost_for_good_is_an_unknown_outcome_that_the_same_key_resolves() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let body = booking(&clinic.staff, &clinic.patient, START, 30);
    let book = || app.post(&format!("{}/appointments", clinic.path)).json(&body).idempotent("k");
    app.wire.disturb_times(3, "TransactWriteItems", Fault::LostReply);
    let unknown = book().send().await;
    assert_eq!(unknown.header("retry-after"), "1");
    unknown.problem(503, "store_unreachable");
    let resolved = book().send().await.expect(201);
    assert_eq!(app.all_appointments().await.len(), 1, "it had been booked the first time");
    assert_eq!(app.get(&resolved.location()).send().await.json(), resolved.json());
    app.check_day_sheets().await;
}

#[tokio::test]
async fn a_lost_reply_and_then_a_conflict_are_still_known_as_own_work() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    app.wire.disturb("TransactWriteItems", Fault::LostReplyAndToken);
    app.wire.disturb("TransactWriteItems", Fault::Conflict);
    app.book(&clinic, START, 30).await.expect(201);
    assert_eq!(app.all_appointments().await.len(), 1);
    app.check_day_sheets().await;
}

#[tokio::test]
async fn a_lost_reply_and_then_a_refusal_that_shows_no_items_are_an_unknown_outcome() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let body = booking(&clinic.staff, &clinic.patient, START, 30);
    let book = || app.post(&format!("{}/appointments", clinic.path)).json(&body).idempotent("k");
    app.wire.disturb("TransactWriteItems", Fault::LostReplyAndToken);
    app.wire.disturb("TransactWriteItems", Fault::NoItems);
    book().send().await.problem(503, "store_unreachable");
    let resolved = book().send().await.expect(201);
    assert_eq!(app.get(&resolved.location()).send().await.json(), resolved.json());
    assert_eq!(app.all_appointments().await.len(), 1);
    app.check_day_sheets().await;
}

/// A reply is lost, and another caller changes the record before the write is retried. The outcome is unknown, and must not be
/// reported as a conflict with itself.
#[tokio::test]
async fn a_write_that_others_have_changed_since_its_reply_was_lost_is_an_unknown_outcome() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let appointment = app.booked(&clinic, "2035-01-15T16:00:00").await;
    app.wire.disturb("PutItem", Fault::LostReply);
    let (retried, go_on) = app.wire.pause_after(1, "PutItem");
    let confirm =
        app.post(&format!("{appointment}/status")).json(&json!({ "status": "confirmed" }));
    let confirming = tokio::spawn(confirm.send());
    retried.await.unwrap();
    app.step(&appointment, "checked_in").await.expect(200);
    go_on.send(()).unwrap();
    confirming.await.unwrap().problem(503, "store_unreachable");
    assert_eq!(app.get(&appointment).send().await.json()["status"], "checked_in");

    app.wire.disturb("PutItem", Fault::LostReply);
    let (retried, go_on) = app.wire.pause_after(1, "PutItem");
    let patch =
        app.patch(&clinic.path).json(&json!({ "name": "First" })).header("if-match", "\"1\"");
    let patching = tokio::spawn(patch.send());
    retried.await.unwrap();
    app.patch(&clinic.path).json(&json!({ "name": "Second" })).send().await.expect(200);
    go_on.send(()).unwrap();
    patching.await.unwrap().problem(503, "store_unreachable");
    assert_eq!(
        app.get(&clinic.path).send().await.json()["name"],
        "Second",
        "nothing of others is undone"
    );
}

/// The same for a transaction. A retry has the same client request token, but after a conflict it has a new one.
#[tokio::test]
async fn a_move_that_others_have_cancelled_since_its_reply_was_lost_is_an_unknown_outcome() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let appointment = app.booked(&clinic, START).await;
    app.wire.disturb("TransactWriteItems", Fault::LostReply);
    app.wire.disturb("TransactWriteItems", Fault::Conflict);
    let (retried, go_on) = app.wire.pause_after(2, "TransactWriteItems");
    let moving =
        app.post(&format!("{appointment}/reschedule")).json(&json!({ "duration_minutes": 45 }));
    let moving = tokio::spawn(moving.send());
    retried.await.unwrap();
    app.post(&format!("{appointment}/cancel")).send().await.expect(200);
    go_on.send(()).unwrap();
    moving.await.unwrap().problem(503, "store_unreachable");
    let cancelled = app.get(&appointment).send().await.json();
    assert_eq!(
        (&cancelled["status"], &cancelled["duration_minutes"]),
        (&json!("cancelled"), &json!(45))
    );
    app.check_day_sheets().await;
}
