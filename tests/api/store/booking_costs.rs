//! What booking costs, and what changes a booking, as `access_patterns` has it for everything else.

use serde_json::json;

use crate::support::{Call, Held, TestApp, booking, costs::costs};

#[tokio::test]
async fn a_booking_costs_one_round_of_reads_and_one_transaction() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = format!("{}/appointments", clinic.path);
    let book =
        |start: &str| app.post(&path).json(&booking(&clinic.staff, &clinic.patient, start, 30));
    // The first one learns the clinic's time zone, which never changes.
    let exceptions = ("Query", 1.0);
    let first = [("GetItem", 1.0), ("BatchGetItem", 5.0), exceptions, ("TransactWriteItems", 11.0)];
    costs(&app, book("2035-01-16T09:00:00"), &first).await;
    let again = [("BatchGetItem", 5.0), exceptions, ("TransactWriteItems", 11.0)];
    costs(&app, book("2035-01-16T10:00:00"), &again).await;
    let keyed = [("BatchGetItem", 6.0), exceptions, ("TransactWriteItems", 13.0)];
    costs(&app, book("2035-01-16T11:00:00").idempotent("k"), &keyed).await;
    // Over UTC midnight: one sheet more of each.
    let midnight = [("BatchGetItem", 7.0), exceptions, ("TransactWriteItems", 15.0)];
    costs(&app, book("2035-01-16T23:45:00Z"), &midnight).await;
    // A room: itself and its sheet. A type of visit: itself, before all else.
    let mut with_room = booking(&clinic.staff, &clinic.patient, "2035-01-16T12:00:00", 30);
    with_room["resource_ids"] = json!([app.resource(&clinic.path).await]);
    let room = [("BatchGetItem", 7.0), exceptions, ("TransactWriteItems", 15.0)];
    costs(&app, app.post(&path).json(&with_room), &room).await;
    let mut of_type = booking(&clinic.staff, &clinic.patient, "2035-01-16T13:00:00", 30);
    of_type.as_object_mut().unwrap().remove("duration_minutes");
    of_type["visit_type_id"] = json!(app.visit_type(&clinic.path).await);
    let typed = [("GetItem", 1.0), ("BatchGetItem", 5.0), exceptions, ("TransactWriteItems", 11.0)];
    costs(&app, app.post(&path).json(&of_type), &typed).await;
    // At whatever hour: no exceptions are read.
    let mut any_hours = booking(&clinic.staff, &clinic.patient, "2035-01-16T14:00:00", 30);
    any_hours["overrides"] = json!({ "any_hours": true, "reason": "emergency" });
    let unread = [("BatchGetItem", 5.0), ("TransactWriteItems", 11.0)];
    costs(&app, app.post(&path).json(&any_hours), &unread).await;
    // A refused one costs the reads alone.
    refused(&app, book("2035-01-16T09:00:00"), "staff_busy", &["BatchGetItem", "Query"]).await;
}

/// Asserts what a refusal with 409 costs.
async fn refused(app: &TestApp, call: Call, code: &str, expected: &[&str]) {
    app.wire.forget();
    call.send().await.problem(409, code);
    let mut calls: Vec<_> = app.wire.take_calls().into_iter().map(|call| call.operation).collect();
    calls.sort();
    assert_eq!(calls, expected);
}

#[tokio::test]
async fn holding_costs_what_booking_does_and_confirming_and_releasing_one_read_more() {
    let app = TestApp::spawn().await;
    let (clinic, _) = app.clinic_with_booking().await;
    let hold = |start: &str| {
        let body = json!({ "staff_id": clinic.staff, "start": start, "duration_minutes": 30 });
        app.post(&format!("{}/holds", clinic.path)).json(&body)
    };
    // Without a patient: neither their record, nor their sheet, nor the index.
    let held = [("BatchGetItem", 3.0), ("Query", 1.0), ("TransactWriteItems", 6.0)];
    let first = Held::of(&costs(&app, hold("2035-01-16T10:00:00"), &held).await);
    let confirm = app
        .post(&format!("{}/confirm", first.path))
        .json(&json!({ "hold_secret": first.secret, "patient_id": clinic.patient }));
    let confirmed = [("GetItem", 1.0), ("BatchGetItem", 5.0), ("TransactWriteItems", 11.0)];
    costs(&app, confirm, &confirmed).await;
    let second = Held::of(&costs(&app, hold("2035-01-16T11:00:00"), &held).await);
    let release = app
        .post(&format!("{}/release", second.path))
        .json(&json!({ "hold_secret": second.secret }));
    costs(&app, release, &[("GetItem", 1.0), ("TransactWriteItems", 4.0)]).await;
    // Two holds that are over stand in the way: they are read, and ended in the same transaction.
    for start in ["2035-01-16T12:00:00", "2035-01-16T12:30:00"] {
        costs(&app, hold(start), &held).await;
    }
    app.clock.advance(jiff::SignedDuration::from_mins(11));
    let over = booking(&clinic.staff, &clinic.patient, "2035-01-16T12:00:00", 60);
    let over = app.post(&format!("{}/appointments", clinic.path)).json(&over);
    let taken = [
        ("BatchGetItem", 5.0),
        ("Query", 1.0),
        ("BatchGetItem", 2.0),
        ("TransactWriteItems", 15.0),
    ];
    costs(&app, over, &taken).await;
    app.check_day_sheets().await;
}

#[tokio::test]
async fn moving_costs_one_read_more_than_booking() {
    let app = TestApp::spawn().await;
    let (clinic, path) = app.clinic_with_booking().await;
    let to = |start: &str| app.post(&format!("{path}/reschedule")).json(&json!({ "start": start }));
    let reads = [("GetItem", 1.0), ("BatchGetItem", 5.0), ("Query", 1.0)];
    let with = |written: f64| [&reads[..], &[("TransactWriteItems", written)]].concat();
    // The same UTC day: the sheets are as many as they were.
    costs(&app, to("2035-01-16T09:10:00"), &with(11.0)).await;
    // It is there already: nothing is written but the key.
    let stays = to("2035-01-16T09:10:00");
    costs(&app, stays.clone(), &[("GetItem", 1.0)]).await;
    let remembered = [("GetItem", 1.0), ("TransactWriteItems", 4.0)];
    costs(&app, stays.idempotent("k"), &remembered).await;
    // Another day: two sheets to leave, the old item with its index entry, and the pointer.
    costs(&app, to("2035-01-17T09:00:00"), &with(20.0)).await;
    // It is now found by its pointer.
    let moved = app.booked(&clinic, "2035-01-16T09:00:00").await;
    assert_ne!(moved, path);
    costs(&app, app.get(&path), &[("GetItem", 0.5), ("GetItem", 1.0), ("GetItem", 1.0)]).await;
    let taken =
        app.post(&format!("{moved}/reschedule")).json(&json!({ "start": "2035-01-17T09:10:00" }));
    // The appointment is read once more: had it changed, the move would be tried anew.
    let calls = ["BatchGetItem", "GetItem", "GetItem", "Query"];
    refused(&app, taken, "staff_busy", &calls).await;
}

#[tokio::test]
async fn free_times_cost_three_queries_at_once_and_days_four() {
    let app = TestApp::spawn().await;
    let (clinic, _) = app.clinic_with_booking().await;
    for _ in 0..3 {
        app.staff_member(&clinic.path).await;
    }
    let free = format!("{}/availability?duration_minutes=30", clinic.path);
    let queries = [("Query", 0.5), ("Query", 0.5), ("Query", 0.5)];
    for range in ["", "&from=2035-01-16&to=2035-01-16", "&from=2035-01-16&to=2035-02-15"] {
        costs(&app, app.get(&format!("{free}{range}")), &queries).await;
    }
    let next = format!("{free}&from=2035-01-16&limit=3");
    costs(&app, app.get(&next), &queries).await;
    let queries = [("Query", 0.5); 4];
    costs(&app, app.get(&format!("{}/day/2035-01-16", clinic.path)), &queries).await;
}

#[tokio::test]
async fn a_step_of_the_status_life_costs_one_update() {
    let app = TestApp::spawn().await;
    let (_, path) = app.clinic_with_booking().await;
    let step =
        |status: &str| app.post(&format!("{path}/status")).json(&json!({ "status": status }));
    costs(&app, step("confirmed"), &[("UpdateItem", 2.0)]).await;
    costs(&app, step("checked_in"), &[("UpdateItem", 2.0)]).await;
    costs(
        &app,
        step("completed").idempotent("k"),
        &[("GetItem", 1.0), ("TransactWriteItems", 5.0)],
    )
    .await;
}

#[tokio::test]
async fn cancelling_and_deleting_cost_one_read_and_one_transaction() {
    let app = TestApp::spawn().await;
    let (clinic, path) = app.clinic_with_booking().await;
    let cancel = [("GetItem", 1.0), ("TransactWriteItems", 7.0)];
    costs(&app, app.post(&format!("{path}/cancel")), &cancel).await;
    let delete = [("GetItem", 1.0), ("TransactWriteItems", 5.0)];
    costs(&app, app.delete(&path), &delete).await;
    let booked = app.booked(&clinic, "2035-01-16T09:00:00").await;
    let delete = [("GetItem", 1.0), ("TransactWriteItems", 9.0)];
    costs(&app, app.delete(&booked), &delete).await;
}
