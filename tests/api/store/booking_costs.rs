//! The cost of booking and of changing a booking. `access_patterns` has the other requests.

use serde_json::json;

use crate::support::{Call, Held, TestApp, booking, costs::costs};

#[tokio::test]
async fn a_booking_costs_one_round_of_reads_and_one_transaction() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = format!("{}/appointments", clinic.path);
    let book =
        |start: &str| app.post(&path).json(&booking(&clinic.staff, &clinic.patient, start, 30));
    // Exceptions of the clinic and of the staff member. The first booking reads the clinic's time zone, which is then cached.
    let with = |calls: &[(&'static str, f64)], queries: usize| {
        [calls, &vec![("Query", 1.0); queries]].concat()
    };
    let first = [("GetItem", 1.0), ("BatchGetItem", 5.0), ("TransactWriteItems", 13.0)];
    costs(&app, book("2035-01-16T09:00:00"), &with(&first, 2)).await;
    let again = [("BatchGetItem", 5.0), ("TransactWriteItems", 13.0)];
    costs(&app, book("2035-01-16T10:00:00"), &with(&again, 2)).await;
    let keyed = [("BatchGetItem", 6.0), ("TransactWriteItems", 15.0)];
    costs(&app, book("2035-01-16T11:00:00").idempotent("k"), &with(&keyed, 2)).await;
    // Across UTC midnight: one sheet more for each party.
    let midnight = [("BatchGetItem", 7.0), ("TransactWriteItems", 17.0)];
    costs(&app, book("2035-01-16T23:45:00Z"), &with(&midnight, 2)).await;
    // A room: itself, its sheet, its exceptions. A visit type: itself, before everything else.
    let mut with_room = booking(&clinic.staff, &clinic.patient, "2035-01-16T12:00:00", 30);
    with_room["resource_ids"] = json!([app.resource(&clinic.path).await]);
    let room = [("BatchGetItem", 7.0), ("TransactWriteItems", 17.0)];
    costs(&app, app.post(&path).json(&with_room), &with(&room, 3)).await;
    let mut of_type = booking(&clinic.staff, &clinic.patient, "2035-01-16T13:00:00", 30);
    of_type.as_object_mut().unwrap().remove("duration_minutes");
    of_type["visit_type_id"] = json!(app.visit_type(&clinic.path).await);
    let typed = [("GetItem", 1.0), ("BatchGetItem", 5.0), ("TransactWriteItems", 13.0)];
    costs(&app, app.post(&path).json(&of_type), &with(&typed, 2)).await;
    // At any hours: no exceptions are read.
    let mut any_hours = booking(&clinic.staff, &clinic.patient, "2035-01-16T14:00:00", 30);
    any_hours["overrides"] = json!({ "any_hours": true, "reason": "emergency" });
    let unread = [("BatchGetItem", 5.0), ("TransactWriteItems", 13.0)];
    costs(&app, app.post(&path).json(&any_hours), &unread).await;
    // A refusal costs only the reads.
    let reads = ["BatchGetItem", "Query", "Query"];
    refused(&app, book("2035-01-16T09:00:00"), "staff_busy", &reads).await;
}

/// The exceptions of other staff members cost a booking nothing.
#[tokio::test]
async fn three_thousand_exceptions_of_another_staff_member_cost_a_booking_nothing() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let other = app.staff_member(&clinic.path).await;
    app.closed_days_of(&clinic.path, &other, 3000).await;
    let booked = app.booked(&clinic, "2035-02-12T09:00:00").await;
    let body = booking(&clinic.staff, &clinic.patient, "2035-02-12T10:00:00", 30);
    let book = app.post(&format!("{}/appointments", clinic.path)).json(&body);
    let queries = [("Query", 1.0), ("Query", 1.0)];
    let costs_of = |calls: &[(&'static str, f64)]| [calls, &queries].concat();
    let calls = costs_of(&[("BatchGetItem", 5.0), ("TransactWriteItems", 13.0)]);
    costs(&app, book, &calls).await;
    let hold = json!({
        "staff_id": clinic.staff, "start": "2035-02-12T11:00:00", "duration_minutes": 30
    });
    let hold = app.post(&format!("{}/holds", clinic.path)).json(&hold);
    let calls = costs_of(&[("BatchGetItem", 3.0), ("TransactWriteItems", 6.0)]);
    costs(&app, hold, &calls).await;
    let later = json!({ "start": "2035-02-12T09:10:00" });
    let to = app.post(&format!("{booked}/reschedule")).json(&later);
    let reads = [("GetItem", 1.0), ("BatchGetItem", 5.0)];
    let calls = costs_of(&[&reads[..], &[("TransactWriteItems", 20.0)]].concat());
    costs(&app, to, &calls).await;
    let free = format!("from=2035-02-12&duration_minutes=30&limit=3&staff_id={}", clinic.staff);
    let free = app.get(&format!("{}/availability?{free}", clinic.path));
    costs(&app, free, &[("Query", 0.5); 4]).await;
}

/// Asserts the calls of a request that is refused with 409.
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
    // Without a patient: no record, no sheet, no link and no index entry.
    let held = [("BatchGetItem", 3.0), ("Query", 1.0), ("Query", 1.0), ("TransactWriteItems", 6.0)];
    let first = Held::of(&costs(&app, hold("2035-01-16T10:00:00"), &held).await);
    let confirm = app
        .post(&format!("{}/confirm", first.path))
        .json(&json!({ "hold_secret": first.secret, "patient_id": clinic.patient }));
    let confirmed = [("GetItem", 1.0), ("BatchGetItem", 5.0), ("TransactWriteItems", 13.0)];
    costs(&app, confirm, &confirmed).await;
    let second = Held::of(&costs(&app, hold("2035-01-16T11:00:00"), &held).await);
    let release = app
        .post(&format!("{}/release", second.path))
        .json(&json!({ "hold_secret": second.secret }));
    costs(&app, release, &[("GetItem", 1.0), ("TransactWriteItems", 4.0)]).await;
    // Two lapsed holds overlap the booking. They are read and ended, and then everything is read again.
    for start in ["2035-01-16T12:00:00", "2035-01-16T12:30:00"] {
        costs(&app, hold(start), &held).await;
    }
    app.clock.advance(jiff::SignedDuration::from_mins(11));
    let over = booking(&clinic.staff, &clinic.patient, "2035-01-16T12:00:00", 60);
    let over = app.post(&format!("{}/appointments", clinic.path)).json(&over);
    let taken = [
        ("BatchGetItem", 5.0),
        ("Query", 1.0),
        ("Query", 1.0),
        ("BatchGetItem", 2.0),
        ("TransactWriteItems", 6.0),
        ("BatchGetItem", 5.0),
        ("Query", 1.0),
        ("Query", 1.0),
        ("TransactWriteItems", 13.0),
    ];
    costs(&app, over, &taken).await;
    app.check_day_sheets().await;
}

#[tokio::test]
async fn moving_costs_one_read_more_than_booking() {
    let app = TestApp::spawn().await;
    let (clinic, path) = app.clinic_with_booking().await;
    let to = |start: &str| app.post(&format!("{path}/reschedule")).json(&json!({ "start": start }));
    let get = ("GetItem", 1.0);
    let reads = [get, ("BatchGetItem", 5.0), ("Query", 1.0), ("Query", 1.0)];
    let with = |written: f64| [&reads[..], &[("TransactWriteItems", written)]].concat();
    // With another length the key stays. On the same UTC day the number of sheets stays.
    let longer = app.post(&format!("{path}/reschedule")).json(&json!({ "duration_minutes": 40 }));
    costs(&app, longer, &with(11.0)).await;
    // Another start: the old item with its index entry, the pointer, the new link and the old one.
    costs(&app, to("2035-01-16T09:10:00"), &with(20.0)).await;
    // From now on its pointer is needed to find it. It is there already, so only the key is stored.
    let found = [get, get, get];
    let stays = to("2035-01-16T09:10:00");
    costs(&app, stays.clone(), &found).await;
    // With the changes of the last move, the stored response exceeds 1 KB.
    let remembered = [&found[..], &[("TransactWriteItems", 6.0)]].concat();
    costs(&app, stays.idempotent("k"), &remembered).await;
    // Another day: two more sheets, which it leaves.
    let other_day = [&found[..2], &with(24.0)].concat();
    costs(&app, to("2035-01-17T09:00:00"), &other_day).await;
    let moved = app.booked(&clinic, "2035-01-16T09:00:00").await;
    assert_ne!(moved, path);
    costs(&app, app.get(&path), &[("GetItem", 0.5), ("GetItem", 1.0), ("GetItem", 1.0)]).await;
    let taken =
        app.post(&format!("{moved}/reschedule")).json(&json!({ "start": "2035-01-17T09:10:00" }));
    // The appointment is read once more: if it had changed, the move would be tried again.
    let calls = ["BatchGetItem", "GetItem", "GetItem", "Query", "Query"];
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
    // For one staff member: the exceptions of the clinic and the staff member, in place of all exceptions.
    let queries = [("Query", 0.5); 4];
    let of_one = format!("{free}&from=2035-01-16&to=2035-01-16&staff_id={}", clinic.staff);
    costs(&app, app.get(&of_one), &queries).await;
    costs(&app, app.get(&format!("{}/day/2035-01-16", clinic.path)), &queries).await;
}

#[tokio::test]
async fn a_step_of_the_status_life_costs_one_read_and_one_write() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, "2035-01-15T16:00:00").await;
    let step =
        |status: &str| app.post(&format!("{path}/status")).json(&json!({ "status": status }));
    for status in ["confirmed", "checked_in"] {
        costs(&app, step(status), &[("GetItem", 1.0), ("PutItem", 2.0)]).await;
    }
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
    let delete = [("GetItem", 1.0), ("TransactWriteItems", 7.0)];
    costs(&app, app.delete(&path), &delete).await;
    let booked = app.booked(&clinic, "2035-01-16T09:00:00").await;
    let delete = [("GetItem", 1.0), ("TransactWriteItems", 11.0)];
    costs(&app, app.delete(&booked), &delete).await;
    // A moved appointment can have a pointer.
    let moved = app.booked(&clinic, "2035-01-16T09:00:00").await;
    let to = json!({ "start": "2035-01-16T09:10:00" });
    app.post(&format!("{moved}/reschedule")).json(&to).send().await.expect(200);
    let get = ("GetItem", 1.0);
    let delete = [get, get, get, ("TransactWriteItems", 13.0)];
    costs(&app, app.delete(&moved), &delete).await;
}
