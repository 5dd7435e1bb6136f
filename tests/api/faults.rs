//! What AWS does and the local engines do not: conflicts, throttling, unprocessed keys, stale reads, lost replies.

use serde_json::json;

use crate::support::{Call, ClinicMade, Fault, TestApp, booking, eventually};

const START: &str = "2035-01-16T09:00:00";

/// Every request that writes, ready to be sent, with the operation of its decisive write.
struct Writes {
    app: TestApp,
    clinic: ClinicMade,
    appointment: String,
}

impl Writes {
    async fn new() -> Self {
        let app = TestApp::spawn().await;
        let clinic = app.ready_clinic().await;
        let appointment = app.booked(&clinic, START).await;
        Self { app, clinic, appointment }
    }

    fn all(&self) -> Vec<(&'static str, Call, u16)> {
        let Self { app, clinic, appointment } = self;
        let (path, staff) = (&clinic.path, format!("{}/staff/{}", clinic.path, clinic.staff));
        let patient = format!("/v1/patients/{}", clinic.patient);
        let later = booking(&clinic.staff, &clinic.patient, "2035-01-17T09:00:00", 30);
        let new_staff = json!({ "name": "N", "role": "nurse" });
        vec![
            (
                "PutItem",
                app.post("/v1/clinics").json(&json!({ "name": "N", "time_zone": "UTC" })),
                201,
            ),
            ("TransactWriteItems", app.post(&format!("{path}/staff")).json(&new_staff), 201),
            ("PutItem", app.post("/v1/patients").json(&json!({ "name": "N" })), 201),
            (
                "TransactWriteItems",
                app.post("/v1/patients").json(&json!({ "name": "N", "mrn": "M" })),
                201,
            ),
            ("PutItem", app.patch(path).json(&json!({ "name": "P" })), 200),
            ("PutItem", app.patch(&staff).json(&json!({ "name": "P" })), 200),
            ("TransactWriteItems", app.patch(&patient).json(&json!({ "mrn": "P" })), 200),
            ("PutItem", app.patch(appointment).json(&json!({ "notes": "P" })), 200),
            (
                "UpdateItem",
                app.post(&format!("{appointment}/status")).json(&json!({ "status": "confirmed" })),
                200,
            ),
            ("TransactWriteItems", app.post(&format!("{path}/appointments")).json(&later), 201),
            ("TransactWriteItems", app.post(&format!("{appointment}/cancel")), 200),
            ("TransactWriteItems", app.delete(appointment), 204),
        ]
    }
}

/// What the table holds, but for what differs from one run to the next.
async fn size(app: &TestApp) -> usize {
    app.all_items().await.len()
}

#[tokio::test]
async fn a_conflict_is_tried_again_until_it_is_over() {
    let writes = Writes::new().await;
    for (operation, call, status) in writes.all() {
        writes.app.wire.disturb_times(3, operation, Fault::Conflict);
        call.send().await.expect(status);
        assert_eq!(writes.app.wire.waiting(), 0);
    }
    writes.app.check_day_sheets().await;
}

#[tokio::test]
async fn a_conflict_that_does_not_end_is_told_and_nothing_is_written() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let before = size(&app).await;
    app.wire.disturb_times(200, "TransactWriteItems", Fault::Conflict);
    let refused = app.book(&clinic, START, 30).await;
    assert_eq!(refused.header("retry-after"), "1");
    refused.problem(503, "contention");
    app.wire.calm();
    assert_eq!(size(&app).await, before);
    app.book(&clinic, START, 30).await.expect(201);
}

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
                assert!(size(&writes.app).await <= before + 3, "one effect");
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

fn answer_path(writes: &Writes, answer: &serde_json::Value) -> String {
    let id = answer["id"].as_str().unwrap();
    match &id[..4] {
        "CLN-" => format!("/v1/clinics/{id}"),
        "PAT-" => format!("/v1/patients/{id}"),
        "STF-" => format!("{}/staff/{id}", writes.clinic.path),
        _ => format!("{}/appointments/{id}", writes.clinic.path),
    }
}

#[tokio::test]
async fn lost_replies_of_every_step_of_a_deletion_do_not_matter() {
    for operation in ["UpdateItem", "DeleteItem"] {
        let app = TestApp::spawn().await;
        let clinic = app.ready_clinic().await;
        let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
        for path in [&staff, &clinic.path, &format!("/v1/patients/{}", clinic.patient)] {
            app.wire.disturb(operation, Fault::LostReply);
            app.delete(path).send().await.expect(204);
            assert_eq!(app.wire.waiting(), 0);
        }
        assert!(app.all_items().await.is_empty());
    }
}

/// A deletion that can't be finished takes its mark back: the record can be booked as before.
#[tokio::test]
async fn a_deletion_that_fails_leaves_the_record_as_it_was() {
    let faults = [
        ("DeleteItem", Fault::Throttled),
        ("DeleteItem", Fault::Unreachable),
        ("DeleteItem", Fault::Unforeseen),
        ("Query", Fault::ServerError),
    ];
    for (operation, fault) in faults {
        let app = TestApp::spawn().await;
        let clinic = app.ready_clinic().await;
        let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
        if operation == "Query" {
            // The second look is the one that fails.
            app.wire.disturb_later(1, operation, fault);
            app.wire.disturb_times(2, operation, fault);
        } else {
            app.wire.disturb_times(3, operation, fault);
        }
        let failed = app.delete(&staff).send().await;
        assert!(failed.status.is_server_error(), "{failed:?}");
        app.wire.calm();
        assert_eq!(app.get(&staff).send().await.expect(200).header("etag"), "\"1\"");
        app.book(&clinic, START, 30).await.expect(201);
        app.check_day_sheets().await;
    }
}

/// A change that is answered between a deletion's mark and its end is not lost.
#[tokio::test]
async fn a_change_during_a_deletion_is_not_deleted_unseen() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    let delete = app.delete(&staff).header("if-match", "\"1\"");
    let (marked, go_on) = app.wire.pause_before("DeleteItem");
    let deletion = tokio::spawn(delete.send());
    marked.await.unwrap();
    app.patch(&staff).json(&json!({ "specialty": "surgery" })).send().await.expect(200);
    app.book(&clinic, START, 30).await.problem(409, "staff_inactive");
    go_on.send(()).unwrap();
    deletion.await.unwrap().problem(412, "precondition_failed");
    let kept = app.get(&staff).send().await.expect(200);
    assert_eq!((kept.header("etag"), &kept.json()["specialty"]), ("\"2\"", &json!("surgery")));
    app.book(&clinic, START, 30).await.expect(201);
}

#[tokio::test]
async fn a_record_number_that_moves_during_a_deletion_is_freed_with_its_patient() {
    let app = TestApp::spawn().await;
    let body = json!({ "name": "Ida", "mrn": "A-1" });
    let path = app.post("/v1/patients").json(&body).send().await.expect(201).location();
    let (marked, go_on) = app.wire.pause_before("TransactWriteItems");
    let deletion = tokio::spawn(app.delete(&path).send());
    marked.await.unwrap();
    app.patch(&path).json(&json!({ "mrn": "A-2" })).send().await.expect(200);
    go_on.send(()).unwrap();
    deletion.await.unwrap().expect(204);
    assert!(app.all_items().await.is_empty(), "neither patient nor markers");
}

/// Whoever hangs up in the middle of a deletion leaves no mark behind.
#[tokio::test]
async fn a_deletion_goes_on_when_its_caller_hangs_up() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    let (marked, go_on) = app.wire.pause_before("DeleteItem");
    let deletion = tokio::spawn(app.delete(&staff).send());
    marked.await.unwrap();
    deletion.abort();
    assert!(deletion.await.unwrap_err().is_cancelled());
    go_on.send(()).unwrap();
    eventually("the deletion is done", async || {
        (app.get(&staff).send().await.status == 404).then_some(())
    })
    .await;
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

#[tokio::test]
async fn throttling_is_told_apart_and_nothing_is_written() {
    let writes = Writes::new().await;
    let before = size(&writes.app).await;
    for (operation, call, _) in writes.all() {
        writes.app.wire.disturb_times(3, operation, Fault::Throttled);
        let refused = call.send().await;
        assert_eq!(refused.header("retry-after"), "1");
        refused.problem(503, "throttled");
        assert_eq!(writes.app.wire.waiting(), 0, "the SDK tried three times: {operation}");
    }
    assert_eq!(size(&writes.app).await, before);
    writes.app.wire.disturb_times(3, "GetItem", Fault::Throttled);
    writes.app.get(&writes.clinic.path).send().await.problem(503, "throttled");
    writes.app.wire.disturb_times(3, "Query", Fault::Throttled);
    writes.app.get("/v1/clinics").send().await.problem(503, "throttled");
    writes.app.check_day_sheets().await;
}

#[tokio::test]
async fn throttling_that_passes_is_not_noticed() {
    let writes = Writes::new().await;
    for (operation, call, status) in writes.all() {
        writes.app.wire.disturb_times(2, operation, Fault::Throttled);
        call.send().await.expect(status);
    }
    writes.app.check_day_sheets().await;
}

#[tokio::test]
async fn keys_left_unprocessed_are_asked_for_again() {
    let app = TestApp::spawn().await;
    let mut clinic = app.ready_clinic().await;
    app.booked(&clinic, START).await;
    // Were the sheets taken for empty, this one would be booked over the first.
    app.wire.disturb_times(2, "BatchGetItem", Fault::Unprocessed);
    app.book(&clinic, START, 30).await.problem(409, "staff_busy");
    assert_eq!(app.wire.waiting(), 0);
    clinic.patient = app.patient().await;
    app.wire.disturb_times(2, "BatchGetItem", Fault::Unprocessed);
    app.book(&clinic, "2035-01-16T10:00:00", 30).await.expect(201);
    app.check_day_sheets().await;
}

/// Reads that are not consistent may see nothing yet; no write may be decided by one, as `Stale` asserts on the wire.
#[tokio::test]
async fn stale_reads_decide_no_write() {
    let writes = Writes::new().await;
    for (_, call, status) in writes.all() {
        writes.app.wire.forget();
        call.send().await.expect(status);
        for call in writes.app.wire.take_calls() {
            let decides = ["GetItem", "Query"].contains(&call.operation.as_str());
            assert!(!decides || call.request["ConsistentRead"] == true, "{call:?}");
            if call.operation == "BatchGetItem" {
                let tables = call.request["RequestItems"].as_object().unwrap();
                assert!(tables.values().all(|table| table["ConsistentRead"] == true));
            }
        }
    }
}

#[tokio::test]
async fn a_stale_read_of_what_was_just_made_is_404_and_a_consistent_one_finds_it() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let appointment = app.booked(&clinic, START).await;
    app.wire.disturb("GetItem", Fault::Stale);
    app.get(&clinic.path).send().await.problem(404, "not_found");
    app.get(&format!("{}?consistent=true", clinic.path)).send().await.expect(200);
    // A lagging index shows an empty list, never a patient or clinic that does not exist.
    app.wire.disturb("Query", Fault::Stale);
    let listed = app.get(&format!("/v1/patients/{}/appointments", clinic.patient)).send().await;
    assert_eq!(listed.expect(200).json()["items"], json!([]));
    app.wire.disturb("Query", Fault::Stale);
    let listed = app.get(&format!("{}/appointments", clinic.path)).send().await.expect(200);
    assert_eq!(listed.json()["items"], json!([]));
    app.get(&appointment).send().await.expect(200);
}

#[tokio::test]
async fn an_engine_that_can_not_be_reached_is_told() {
    let app = TestApp::spawn().await;
    let clinic = app.clinic().await;
    for fault in [Fault::Unreachable, Fault::ServerError, Fault::BadGateway] {
        app.wire.disturb_times(3, "GetItem", fault);
        let refused = app.get(&clinic).send().await;
        assert_eq!(refused.header("retry-after"), "1");
        refused.problem(503, "store_unreachable");
        app.get(&clinic).send().await.expect(200);
    }
}

#[tokio::test]
async fn what_nobody_foresaw_is_a_plain_500() {
    let app = TestApp::spawn().await;
    let clinic = app.clinic().await;
    app.wire.disturb("GetItem", Fault::Unforeseen);
    let problem = app.get(&clinic).send().await.problem(500, "internal_error");
    assert!(!problem.to_string().contains("AccessDenied"), "{problem}");
}

/// A storm of disturbances over many requests at once: whatever is answered, the sheets are right.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_disturbances_leaves_the_sheets_right() {
    let app = TestApp::spawn_for_many().await;
    let clinic = app.ready_clinic().await;
    let mut patients = Vec::new();
    for _ in 0..60 {
        patients.push(app.patient().await);
    }
    for _ in 0..12 {
        let faults =
            [Fault::LostReply, Fault::Conflict, Fault::LostReplyAndToken, Fault::ThrottledInside];
        for fault in faults {
            app.wire.disturb("TransactWriteItems", fault);
        }
        app.wire.disturb("BatchGetItem", Fault::Unprocessed);
    }
    let calls = patients.iter().enumerate().map(|(at, patient)| {
        let start = format!("2035-01-16T{:02}:{:02}:00", 8 + at % 20 / 4, at % 4 * 15);
        let body = booking(&clinic.staff, patient, &start, 15);
        let call = app.post(&format!("{}/appointments", clinic.path)).json(&body);
        if at % 3 == 0 { call.idempotent(&format!("k{at}")) } else { call }
    });
    let calls: Vec<_> = calls.collect();
    let sent = calls.iter().map(|call| tokio::spawn(call.clone().send()));
    let mut answers: Vec<_> =
        futures_util::future::join_all(sent).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(app.wire.waiting(), 0, "every disturbance happened");
    let with = |status: u16| answers.iter().filter(move |answer| answer.status == status);
    assert_eq!(with(201).count() + with(409).count() + with(503).count(), answers.len());
    // Some run out of their budgets: they ask again, one after the other.
    for (call, answer) in calls.into_iter().zip(&mut answers) {
        if answer.status == 503 {
            *answer = eventually("it is told what became of it", async || {
                Some(call.clone().send().await).filter(|answer| answer.status != 503)
            })
            .await;
        }
    }
    let with = |status: u16| answers.iter().filter(move |answer| answer.status == status);
    assert_eq!(with(201).count() + with(409).count(), answers.len());
    assert_eq!(app.all_appointments().await.len(), 20, "every slot is taken, and once");
    for booked in with(201) {
        let read = app.get(&booked.location()).send().await.expect(200);
        assert_eq!(read.json(), booked.json(), "acknowledged, so it is there");
    }
    app.check_day_sheets().await;
    for booked in with(201) {
        app.post(&format!("{}/cancel", booked.location())).send().await.expect(200);
    }
    app.check_day_sheets().await;
}

/// A reply is lost, and before the write is tried again somebody else has changed the record: whether it was done
/// is not known, and it is not told of a conflict with itself.
#[tokio::test]
async fn a_write_that_others_have_changed_since_its_reply_was_lost_is_an_unknown_outcome() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let appointment = app.booked(&clinic, START).await;
    app.wire.disturb("UpdateItem", Fault::LostReply);
    let (retried, go_on) = app.wire.pause_after(1, "UpdateItem");
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

/// The same of a transaction. Its token tells DynamoDB that it comes again, but after a conflict it comes with another one.
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

#[tokio::test]
async fn throttling_inside_a_transaction_and_conflicts_beside_conditions_are_tried_again() {
    for fault in [Fault::ThrottledInside, Fault::ConflictAndCondition] {
        let writes = Writes::new().await;
        for (operation, call, status) in writes.all() {
            if operation == "TransactWriteItems" {
                writes.app.wire.disturb_times(2, operation, fault);
            }
            call.send().await.expect(status);
            assert_eq!(writes.app.wire.waiting(), 0);
        }
        writes.app.check_day_sheets().await;
    }
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    app.wire.disturb_times(3, "TransactWriteItems", Fault::ThrottledInside);
    app.book(&clinic, START, 30).await.problem(503, "throttled");
    assert_eq!(app.wire.waiting(), 0);
}

/// A deletion cut short leaves its mark; the next one takes it back where it finds who needs the record.
#[tokio::test]
async fn a_mark_left_behind_is_taken_back_by_the_next_deletion() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    app.booked(&clinic, START).await;
    app.mark_as_being_deleted(&clinic).await;
    app.book(&clinic, "2035-01-17T09:00:00", 30).await.problem(409, "staff_inactive");
    app.delete(&staff).send().await.problem(409, "has_future_appointments");
    app.book(&clinic, "2035-01-17T09:00:00", 30).await.expect(201);
    assert_eq!(app.get(&staff).send().await.header("etag"), "\"1\"");
}

/// A change read while a deletion had its mark set must not write that mark back once it is gone.
#[tokio::test]
async fn a_change_during_a_refused_deletion_brings_no_mark_back() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    app.booked(&clinic, START).await;
    app.mark_as_being_deleted(&clinic).await;
    let (read, go_on) = app.wire.pause_before("PutItem");
    let patching = tokio::spawn(app.patch(&staff).json(&json!({ "specialty": "surgery" })).send());
    read.await.unwrap();
    app.delete(&staff).send().await.problem(409, "has_future_appointments");
    go_on.send(()).unwrap();
    patching.await.unwrap().expect(200);
    app.book(&clinic, "2035-01-17T09:00:00", 30).await.expect(201);
}

/// A booking that has read before somebody is deactivated or deleted is refused in its transaction.
#[tokio::test]
async fn a_booking_that_read_before_a_deactivation_or_deletion_is_refused() {
    let app = TestApp::spawn().await;
    let mut clinic = app.ready_clinic().await;
    let off = json!({ "active": false });
    for case in ["staff off", "staff gone", "patient off", "patient gone"] {
        clinic.staff = app.staff_member(&clinic.path).await;
        clinic.patient = app.patient().await;
        let (read, go_on) = app.wire.pause_before("TransactWriteItems");
        let body = booking(&clinic.staff, &clinic.patient, START, 30);
        let call = app.post(&format!("{}/appointments", clinic.path)).json(&body);
        let booking = tokio::spawn(call.send());
        read.await.unwrap();
        let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
        let patient = format!("/v1/patients/{}", clinic.patient);
        let path = if case.starts_with("staff") { staff } else { patient };
        let (status, code) = match case {
            "staff off" => (409, "staff_inactive"),
            "patient off" => (409, "patient_inactive"),
            _ => (422, "unknown_reference"),
        };
        if case.ends_with("off") {
            app.patch(&path).json(&off).send().await.expect(200);
        } else {
            app.delete(&path).send().await.expect(204);
        }
        go_on.send(()).unwrap();
        booking.await.unwrap().problem(status, code);
        assert_eq!(app.all_appointments().await.len(), 0, "{case}");
        app.check_day_sheets().await;
    }
}

/// Time that is not entered is not freed: a cancellation that finds its entry missing changes nothing.
#[tokio::test]
async fn nothing_is_freed_that_is_not_there() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let appointment = app.booked(&clinic, START).await;
    let id = appointment.rsplit('/').next().unwrap();
    for item in app.all_items().await.into_iter().filter(|item| item.contains_key("entries")) {
        let update = app.store.client().update_item().table_name(app.store.table());
        update
            .key("PK", item["PK"].clone())
            .key("SK", item["SK"].clone())
            .update_expression("REMOVE entries.#appt")
            .expression_attribute_names("#appt", id)
            .send()
            .await
            .unwrap();
    }
    app.post(&format!("{appointment}/cancel")).send().await.problem(500, "internal_error");
    assert_eq!(app.get(&appointment).send().await.json()["status"], "scheduled");
}

#[tokio::test]
async fn a_remembered_time_zone_is_its_own_organisations_alone() {
    use clinic_api::{records::clinics::directory::ClinicDirectory, store::StoreError};
    let app = TestApp::spawn().await;
    let path = app.clinic().await;
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    let directory = ClinicDirectory::new(app.store.clone());
    let (own, other) = ("ORG-DEMO".parse().unwrap(), "ORG-OTHER".parse().unwrap());
    assert!(matches!(directory.zone(&other, &id).await, Err(StoreError::NotFound)));
    assert_eq!(directory.zone(&own, &id).await.unwrap().name(), "Europe/Zurich");
    assert!(matches!(directory.zone(&other, &id).await, Err(StoreError::NotFound)));
}
