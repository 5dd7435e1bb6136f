//! Moves: to another time, staff member, room or date, as one atomic change.

use serde_json::{Value, json};

use crate::support::{Answer, Fault, TestApp, booking, race};

const START: &str = "2035-01-16T09:00:00";

async fn reschedule(app: &TestApp, path: &str, to: Value) -> Answer {
    app.post(&format!("{path}/reschedule")).json(&to).send().await
}

#[tokio::test]
async fn ten_minutes_later_does_not_meet_itself() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, START).await;
    let moved =
        reschedule(&app, &path, json!({ "start": "2035-01-16T09:10:00" })).await.expect(200);
    assert_eq!(moved.header("etag"), "\"2\"");
    let moved = moved.json();
    assert_eq!(moved["start"], "2035-01-16T09:10:00+01:00");
    let from = json!({
        "start": "2035-01-16T09:00:00+01:00", "duration_minutes": 30, "staff_id": clinic.staff
    });
    assert_eq!((&moved["rescheduled_from"], &moved["status"]), (&from, &json!("scheduled")));
    assert_eq!(app.get(&path).send().await.expect(200).json(), moved);
    // The old time is free, the new one is occupied.
    let before = booking(&clinic.staff, &app.patient().await, "2035-01-16T08:40:00", 30);
    app.post(&format!("{}/appointments", clinic.path)).json(&before).send().await.expect(201);
    app.book(&clinic, "2035-01-16T09:30:00", 30).await.problem(409, "staff_busy");
    app.check_day_sheets().await;
}

#[tokio::test]
async fn to_another_date_staff_member_and_room_it_keeps_its_id() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let (path, other) = (app.booked(&clinic, START).await, app.staff_member(&clinic.path).await);
    let room = app.resource(&clinic.path).await;
    for (start, staff) in [
        ("2035-01-17T23:45:00Z", &other),
        ("2035-02-20T09:00:00+01:00", &clinic.staff),
        // Back to the date in its id; its pointer names that date too.
        ("2035-01-16T09:00:00+01:00", &other),
        ("2035-01-18T09:00:00+01:00", &other),
    ] {
        let to = json!({ "start": start, "staff_id": staff, "resource_ids": [room], "duration_minutes": 45 });
        let moved = reschedule(&app, &path, to).await.expect(200).json();
        assert_eq!(app.get(&path).send().await.expect(200).json(), moved);
        assert_eq!((&moved["staff_id"], &moved["duration_minutes"]), (&json!(staff), &json!(45)));
        app.check_day_sheets().await;
        let date = moved["start"].as_str().unwrap().get(..10).unwrap();
        let listed = app.get(&format!("{}/appointments?date={date}", clinic.path)).send().await;
        assert_eq!(listed.json()["items"][0]["id"], moved["id"]);
    }
    assert_eq!(app.all_appointments().await.len(), 1, "it is one record");
    // Others can use the old time, and all other operations find the appointment at its new time.
    app.booked(&clinic, START).await;
    app.step(&path, "confirmed").await.expect(200);
    app.patch(&path).json(&json!({ "notes": "moved" })).send().await.expect(200);
    app.post(&format!("{path}/cancel")).send().await.expect(200);
    app.check_day_sheets().await;
    reschedule(&app, &path, json!({ "start": START })).await.problem(409, "invalid_transition");
    app.delete(&path).send().await.expect(204);
    app.get(&path).send().await.problem(404, "not_found");
}

#[tokio::test]
async fn a_move_that_fails_leaves_all_as_it_was() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let (path, taken) =
        (app.booked(&clinic, START).await, app.booked(&clinic, "2035-01-17T09:00:00").await);
    let absent = app.staff_member(&clinic.path).await;
    let staff = format!("{}/staff/{absent}", clinic.path);
    app.patch(&staff).json(&json!({ "active": false })).send().await.expect(200);
    app.closed(&clinic.path, "2035-01-18", "2035-01-18").await;
    let before = app.all_items().await;
    let refusals = [
        (json!({ "start": "2035-01-17T09:20:00" }), 409, "staff_busy"),
        (json!({ "start": "2035-01-18T09:00:00" }), 409, "outside_working_hours"),
        (json!({ "staff_id": absent }), 409, "staff_inactive"),
        (json!({ "staff_id": "STF-000000000000000000000000" }), 422, "unknown_reference"),
        (json!({ "resource_ids": ["RES-000000000000000000000000"] }), 422, "unknown_reference"),
        (json!({ "start": "2034-01-18T09:00:00" }), 422, "validation_failed"),
        (json!({ "start": "2035-03-25T02:30:00" }), 422, "ambiguous_local_time"),
        (json!({ "duration_minutes": 3 }), 422, "validation_failed"),
        (json!({ "nope": 1 }), 422, "validation_failed"),
    ];
    for (to, status, code) in refusals {
        reschedule(&app, &path, to).await.problem(status, code);
    }
    let stale = app.post(&format!("{path}/reschedule")).json(&json!({ "start": START }));
    stale.header("if-match", "\"7\"").send().await.problem(412, "precondition_failed");
    assert_eq!(app.all_items().await, before);
    // A move to its current place writes nothing.
    reschedule(&app, &path, json!({ "start": START })).await.expect(200);
    reschedule(&app, &path, json!({})).await.expect(200);
    assert_eq!(app.all_items().await, before);
    assert_ne!(path, taken);
}

#[tokio::test]
async fn a_lost_reply_of_a_move_is_known_as_its_own() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, START).await;
    for (start, fault) in [
        ("2035-01-16T09:10:00", Fault::LostReply),
        ("2035-01-17T09:00:00", Fault::LostReplyAndToken),
        ("2035-01-17T09:10:00", Fault::LostReplyAndToken),
        ("2035-01-18T09:00:00", Fault::Conflict),
        ("2035-01-19T09:00:00", Fault::ThrottledInside),
    ] {
        app.wire.disturb("TransactWriteItems", fault);
        let moved = reschedule(&app, &path, json!({ "start": start })).await.expect(200).json();
        assert_eq!(app.wire.waiting(), 0);
        assert!(moved["start"].as_str().unwrap().starts_with(start), "{moved}");
        assert_eq!(app.get(&path).send().await.expect(200).json(), moved);
        app.check_day_sheets().await;
    }
}

#[tokio::test]
async fn a_repeated_move_under_one_key_is_one_move() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, START).await;
    let to = |start: &str| {
        app.post(&format!("{path}/reschedule")).json(&json!({ "start": start })).idempotent("k")
    };
    let first = to("2035-01-17T09:00:00").send().await.expect(200);
    reschedule(&app, &path, json!({ "start": START })).await.expect(200);
    assert_eq!(to("2035-01-17T09:00:00").send().await.expect(200).body, first.body);
    to("2035-01-18T09:00:00").send().await.problem(422, "idempotency_key_reused");
    app.check_day_sheets().await;
}

/// A replay after others have moved the appointment must not move it back.
#[tokio::test]
async fn a_move_to_where_it_is_already_is_remembered_under_its_key() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    for fault in [None, Some(Fault::LostReply), Some(Fault::LostReplyAndToken)] {
        let path = app.booked(&clinic, START).await;
        let to = |start: &str| {
            app.post(&format!("{path}/reschedule")).json(&json!({ "start": start })).idempotent("k")
        };
        if let Some(fault) = fault {
            app.wire.disturb("TransactWriteItems", fault);
        }
        let first = to(START).send().await.expect(200);
        assert_eq!((app.wire.waiting(), first.header("etag")), (0, "\"1\""));
        let confirmed = app.post(&format!("{path}/status")).json(&json!({ "status": "confirmed" }));
        confirmed.send().await.expect(200);
        assert_eq!(to(START).send().await.expect(200).body, first.body);
        let moved = reschedule(&app, &path, json!({ "start": "2035-01-17T09:00:00" })).await;
        assert_eq!(to(START).send().await.expect(200).body, first.body);
        assert_eq!(app.get(&path).send().await.expect(200).json(), moved.expect(200).json());
        to("2035-01-17T09:00:00").send().await.problem(422, "idempotency_key_reused");
        app.post(&format!("{path}/cancel")).send().await.expect(200);
        assert_eq!(to(START).send().await.expect(200).body, first.body);
        app.check_day_sheets().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_moves_to_where_it_is_already_under_one_key_each_is_told_the_same() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, "2035-01-15T09:00:00Z").await;
    // Under another date it is found by its pointer.
    let moved = reschedule(&app, &path, json!({ "start": START })).await.expect(200);
    let stays = |key: &str| {
        app.post(&format!("{path}/reschedule")).json(&json!({ "start": START })).idempotent(key)
    };
    for answer in race(vec![stays("k"), stays("k")]).await {
        assert_eq!(answer.expect(200).body, moved.body);
    }
    let stale = stays("l").header("if-match", "\"1\"").send().await;
    stale.problem(412, "precondition_failed");
    stays("k").header("if-match", "\"1\"").send().await.expect(200);
}

#[tokio::test]
async fn a_move_to_where_it_is_already_is_refused_if_it_is_cancelled_meanwhile() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, START).await;
    let (arrived, go_on) = app.wire.pause_before("TransactWriteItems");
    let stays = app.post(&format!("{path}/reschedule")).json(&json!({ "start": START }));
    let stays = tokio::spawn(stays.clone().idempotent("k").send());
    arrived.await.unwrap();
    app.post(&format!("{path}/cancel")).send().await.expect(200);
    go_on.send(()).unwrap();
    stays.await.unwrap().problem(409, "invalid_transition");
}

/// A refusal depends on two reads: the appointment and then the day sheets. The same move may succeed between them.
#[tokio::test]
async fn a_move_that_another_has_done_meanwhile_is_not_refused_for_what_came_after() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let (path, other) = (app.booked(&clinic, START).await, app.staff_member(&clinic.path).await);
    let to = json!({ "staff_id": other });
    let (has_read, go_on) = app.wire.pause_before("BatchGetItem");
    let slow = app.post(&format!("{path}/reschedule")).json(&to);
    let slow = tokio::spawn(slow.send());
    has_read.await.unwrap();
    reschedule(&app, &path, to).await.expect(200);
    let mut beside = booking(&other, &app.patient().await, START, 30);
    beside["overrides"] = json!({ "overbook": true, "reason": "emergency" });
    app.post(&format!("{}/appointments", clinic.path)).json(&beside).send().await.expect(201);
    go_on.send(()).unwrap();
    slow.await.unwrap().expect(200);
    app.check_day_sheets().await;
}

#[tokio::test]
async fn a_move_ends_holds_that_are_over_and_stops_at_those_that_are_not() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, START).await;
    app.held(&clinic, "2035-01-16T10:00:00", 10).await;
    let to = json!({ "start": "2035-01-16T09:45:00" });
    reschedule(&app, &path, to.clone()).await.problem(409, "staff_busy");
    app.clock.advance(jiff::SignedDuration::from_mins(11));
    reschedule(&app, &path, to).await.expect(200);
    app.check_day_sheets().await;
}

#[tokio::test]
async fn a_visit_moves_only_to_staff_with_a_role_of_its_visit_type() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let mut visit = booking(&clinic.staff, &clinic.patient, START, 20);
    visit.as_object_mut().unwrap().remove("duration_minutes");
    visit["visit_type_id"] = json!(app.visit_type(&clinic.path).await);
    let path = format!("{}/appointments", clinic.path);
    let path = app.post(&path).json(&visit).send().await.expect(201).location();
    let nurse = json!({ "name": "N", "role": "nurse" });
    let nurse = app.post(&format!("{}/staff", clinic.path)).json(&nurse).send().await.expect(201);
    let to_nurse = json!({ "staff_id": nurse.json()["id"] });
    reschedule(&app, &path, to_nurse.clone()).await.problem(409, "role_not_allowed");
    let physician = app.staff_member(&clinic.path).await;
    reschedule(&app, &path, json!({ "staff_id": physician })).await.expect(200);
    // A deleted visit type no longer restricts the staff.
    let visit_type =
        format!("{}/visit-types/{}", clinic.path, visit["visit_type_id"].as_str().unwrap());
    app.delete(&visit_type).send().await.expect(204);
    reschedule(&app, &path, to_nurse).await.expect(200);
    app.check_day_sheets().await;
}
