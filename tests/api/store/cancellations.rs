//! Transactions that are cancelled for reasons that only AWS gives: each causes a defined response, and nothing is written.

use axum::http::Method;
use serde_json::json;

use crate::support::{
    Answer, Call, Fault, TestApp,
    document::{id_of, operations},
    requests::{Records, request},
    wire::WireCall,
};

const WRITES: [&str; 4] = ["TransactWriteItems", "PutItem", "UpdateItem", "DeleteItem"];
const CONDITION: &str = "ConditionalCheckFailed";

/// One kind of request that writes.
struct Kind {
    operation: &'static str,
    idempotent: bool,
}

impl Kind {
    /// Every operation of the document that writes. A POST is included with a key too, which adds a write.
    fn all() -> impl Iterator<Item = Self> {
        operations().filter(|(_, method, _)| *method != "get").flat_map(|(_, method, found)| {
            let keys: &[bool] = if method == "post" { &[false, true] } else { &[false] };
            keys.iter().map(|idempotent| Self { operation: id_of(found), idempotent: *idempotent })
        })
    }

    /// Whether it deletes the dependents of a record before the record, or moves appointments after the record, each in a
    /// separate write.
    fn is_in_steps(&self) -> bool {
        let in_steps = ["delete_clinic", "delete_resource", "delete_staff_member", "merge_patient"];
        in_steps.contains(&self.operation)
    }

    /// The request, on new records, with nothing that blocks it.
    async fn call(&self, app: &TestApp) -> Call {
        let at = match self.operation {
            "delete_clinic" => Records::make_empty(app).await,
            "delete_patient" | "delete_staff_member" => Records::make_deletable(app).await,
            _ => Records::make(app).await,
        };
        let (method, path, body) = request(self.operation, &at);
        let mrn = format!("M-{:x}", rand::random::<u32>());
        if self.operation == "delete_patient" {
            app.patch(&path).json(&json!({ "mrn": mrn })).send().await.expect(200);
        }
        let mut call = app.request(method, &path);
        if let Some(mut body) = body {
            if ["create_patient", "update_patient"].contains(&self.operation) {
                body["mrn"] = json!(mrn);
            }
            call = call.json(&body);
        }
        app.settle().await;
        if self.idempotent { call.idempotent(&mrn) } else { call }
    }
}

/// The number of items of a write.
fn items_of(write: &WireCall) -> usize {
    write.request["TransactItems"].as_array().map_or(1, Vec::len)
}

#[track_caller]
fn assert_answered_or_throttled(answer: &Answer, what: &str) {
    if answer.status != 503 || answer.json()["code"] != "throttled" {
        assert_answered(answer, what);
    }
}

#[track_caller]
fn assert_answered(answer: &Answer, what: &str) {
    assert_ne!(answer.status, 500, "{what}: {answer:?}");
    if answer.status == 503 {
        assert_eq!(answer.json()["code"], "contention", "{what}");
        assert_eq!(answer.header("retry-after"), "1", "{what}");
    }
}

/// At each position of each write of every operation: a failed condition, alone and together with throttling.
#[tokio::test]
async fn whatever_position_a_condition_fails_at_has_an_answer_and_nothing_is_written() {
    let mut tried = 0;
    for kind in Kind::all() {
        let app = TestApp::builder().without_rates().spawn().await;
        let call = kind.call(&app).await;
        app.wire.forget();
        let done = call.send().await;
        assert!(done.status.is_success(), "{}: {done:?}", kind.operation);
        app.settle().await;
        let calls = app.wire.take_calls();
        let writes = calls.iter().filter(|call| WRITES.contains(&call.operation.as_str()));
        let writes: Vec<_> = writes.collect();
        // A pending delivery is not written again.
        let waits = kind.operation == "replay_delivery" && !kind.idempotent;
        assert_eq!(writes.is_empty(), waits, "{}", kind.operation);
        for (at, write) in writes.iter().enumerate() {
            let name = WRITES.into_iter().find(|name| *name == write.operation).unwrap();
            let before_it = writes[..at].iter().filter(|one| one.operation == name).count();
            for position in 0..items_of(write) {
                tried += 1;
                let what = format!("{} {name} {at}, {position}", kind.operation);
                let call = kind.call(&app).await;
                let items = app.all_items().await;
                let throttled = ((position + 1) % items_of(write), "ThrottlingError");
                app.wire.disturb_times(before_it, name, Fault::None);
                let fault = match items_of(write) {
                    1 => Fault::Cancelled([throttled, throttled]),
                    _ => Fault::Cancelled([(position, CONDITION), throttled]),
                };
                app.wire.disturb_times(3, name, fault);
                if kind.is_in_steps() && at > 0 {
                    // The deletions of dependents are concurrent, so each of them may meet a fault and be retried. What was
                    // deleted stays deleted, what was moved stays moved, and a repeated request completes the work.
                    let answer = call.clone().send().await;
                    assert_answered_or_throttled(&answer, &what);
                    app.wire.calm();
                    if !answer.status.is_success() {
                        let again = call.send().await;
                        assert!(again.status.is_success(), "{what}: {again:?}");
                    }
                    continue;
                }
                call.clone().send().await.problem(503, "throttled");
                assert_eq!(app.wire.waiting(), 0, "{what}");
                assert_eq!(app.all_items().await, items, "{what}");
                app.wire.disturb_times(before_it, name, Fault::None);
                let failed = Fault::Cancelled([(position, CONDITION); 2]);
                app.wire.disturb(name, failed);
                let answer = call.send().await;
                assert_eq!(app.wire.waiting(), 0, "{what}");
                assert_answered(&answer, &what);
                app.settle().await;
                let unchanged = app.all_items().await == items;
                assert_eq!(unchanged, !answer.status.is_success(), "{what}: {answer:?}");
            }
        }
        app.check_day_sheets().await;
    }
    assert!(tried > 100, "{tried}");
}

#[tokio::test]
async fn an_item_that_would_become_too_large_is_told_as_one_that_is() {
    let app = TestApp::spawn().await;
    let (clinic, booked) = app.clinic_with_booking().await;
    let other = app.staff_member(&clinic.path).await;
    let calls = [
        ("TransactWriteItems", app.post(&format!("{booked}/cancel"))),
        ("UpdateItem", app.delete(&format!("{}/staff/{other}", clinic.path))),
        ("PutItem", app.patch(&clinic.path).json(&json!({ "name": "N" }))),
    ];
    let items = app.all_items().await;
    for (operation, call) in calls {
        app.wire.disturb(operation, Fault::ItemTooLarge);
        call.send().await.problem(413, "item_too_large");
        assert_eq!(app.all_items().await, items, "{operation}");
    }
    // Anything else that an engine finds invalid is our error. A failed condition at the same time takes precedence.
    let cancel = app.post(&format!("{booked}/cancel"));
    app.wire.disturb("TransactWriteItems", Fault::Cancelled([(1, "ValidationError"); 2]));
    cancel.clone().send().await.problem(500, "internal_error");
    assert_eq!(app.all_items().await, items);
    let both = Fault::Cancelled([(0, CONDITION), (1, "ValidationError")]);
    app.wire.disturb("TransactWriteItems", both);
    cancel.send().await.expect(200);
    app.check_day_sheets().await;
}

#[tokio::test]
async fn how_long_to_wait_follows_from_the_limit_that_was_exceeded() {
    let app = TestApp::spawn().await;
    let path = app.clinic().await;
    for (reason, seconds) in [
        ("TableReadKeyRangeThroughputExceeded", "1"),
        ("TableReadProvisionedThroughputExceeded", "5"),
        ("TableReadMaxOnDemandThroughputExceeded", "5"),
        ("TableReadAccountLimitExceeded", "5"),
        ("canary", "1"),
    ] {
        for (method, operation) in [(Method::GET, "GetItem"), (Method::POST, "PutItem")] {
            app.wire.disturb_times(3, operation, Fault::ThrottledFor(reason));
            let call = if method == Method::GET {
                app.get(&path)
            } else {
                app.post("/v1/clinics").json(&json!({ "name": "N", "time_zone": "UTC" }))
            };
            let refused = call.send().await;
            assert_eq!(refused.header("retry-after"), seconds, "{operation}: {reason}");
            refused.problem(503, "throttled");
            app.wire.calm();
        }
        // Successful responses refill the retry budget.
        for _ in 0..20 {
            app.clinic().await;
            app.get(&path).send().await.expect(200);
        }
    }
}
