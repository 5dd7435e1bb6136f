//! Holds: the slot is reserved until the hold is confirmed, released or expired.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::{Answer, Held, TestApp, booking, id, wire::WireCall};

const START: &str = "2035-01-16T09:00:00";

async fn end(app: &TestApp, held: &Held, how: &str, with: Value) -> Answer {
    let mut body = with;
    body["hold_secret"] = json!(held.secret);
    app.post(&format!("{}/{how}", held.path)).json(&body).send().await
}

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

#[tokio::test]
async fn a_hold_keeps_others_off_and_is_confirmed_into_a_booking() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let held = app.held(&clinic, START, 10).await;
    let shown = app.get(&held.path.replace("holds", "appointments")).send().await.expect(200);
    assert_eq!(shown.json()["status"], "held");
    assert_eq!(shown.json()["hold_expires_at"], "2035-01-15T08:10:00Z");
    assert!(shown.json().get("hold_secret").is_none(), "the secret is told once");
    let problem = app.book(&clinic, START, 30).await.problem(409, "staff_busy");
    let until = "2035-01-15T09:10:06+01:00";
    let held_by = json!({ "type": "staff", "id": clinic.staff, "held_until": until });
    assert_eq!(problem["blocking"], held_by);
    let patient = json!({ "patient_id": clinic.patient, "reason": "check-up" });
    let booked = end(&app, &held, "confirm", patient.clone()).await.expect(200).json();
    assert_eq!(
        (&booked["status"], &booked["patient_id"], &booked["reason"]),
        (&json!("scheduled"), &json!(clinic.patient), &json!("check-up"))
    );
    assert!(booked.get("hold_expires_at").is_none(), "it is none any more");
    let again = end(&app, &held, "confirm", patient).await.problem(409, "invalid_transition");
    assert_eq!(again["current_status"], "scheduled");
    end(&app, &held, "release", json!({})).await.problem(409, "invalid_transition");
    // A confirmed appointment stays after the hold would have expired.
    app.clock.advance(minutes(60));
    app.book(&clinic, START, 30).await.problem(409, "staff_busy");
    let list = format!("/v1/patients/{}/appointments", clinic.patient);
    assert_eq!(app.get(&list).send().await.json()["items"].as_array().unwrap().len(), 1);
    app.check_day_sheets().await;
}

#[tokio::test]
async fn a_released_hold_is_free_at_once_and_gone_for_its_holder() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let held = app.held(&clinic, START, 10).await;
    let released = end(&app, &held, "release", json!({})).await.expect(200);
    assert_eq!(released.json()["status"], "expired");
    for how in ["confirm", "release"] {
        end(&app, &held, how, json!({})).await.problem(410, "hold_expired");
    }
    app.booked(&clinic, START).await;
    app.check_day_sheets().await;
}

#[tokio::test]
async fn who_has_not_the_secret_or_names_the_wrong_patient_changes_nothing() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let (held, other) =
        (app.held(&clinic, START, 10).await, app.held(&clinic, "2035-01-16T10:00:00", 10).await);
    let before = app.all_items().await;
    for secret in [other.secret.as_str(), "", "x"] {
        for how in ["confirm", "release"] {
            let body = json!({ "hold_secret": secret });
            let path = format!("{}/{how}", held.path);
            app.post(&path).json(&body).send().await.problem(403, "forbidden");
        }
    }
    let fields = end(&app, &held, "confirm", json!({})).await.invalid_fields();
    assert_eq!(fields, ["/patient_id"]);
    let nobody = json!({ "patient_id": "PAT-000000000000000000000000" });
    end(&app, &held, "confirm", nobody).await.problem(422, "unknown_reference");
    assert_eq!(app.all_items().await, before);
    let mut named = json!({
        "staff_id": clinic.staff, "patient_id": clinic.patient,
        "start": "2035-01-16T11:00:00", "duration_minutes": 30
    });
    let path = format!("{}/holds", clinic.path);
    let mine = Held::of(&app.post(&path).json(&named).send().await.expect(201));
    let somebody_else = json!({ "patient_id": app.patient().await });
    let fields = end(&app, &mine, "confirm", somebody_else).await.invalid_fields();
    assert_eq!(fields, ["/patient_id"]);
    end(&app, &mine, "confirm", json!({})).await.expect(200);
    for (length, field) in [(0, "/hold_minutes"), (16, "/hold_minutes")] {
        named["hold_minutes"] = json!(length);
        assert_eq!(app.post(&path).json(&named).send().await.invalid_fields(), [field]);
    }
}

#[tokio::test]
async fn a_hold_can_be_confirmed_until_it_is_over_and_taken_five_seconds_later() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let held = app.held(&clinic, START, 10).await;
    let confirm = json!({ "patient_id": clinic.patient });
    // To the second: expired, but not yet available to others.
    app.clock.advance(minutes(10));
    end(&app, &held, "confirm", confirm.clone()).await.problem(410, "hold_expired");
    app.clock.advance(SignedDuration::from_secs(5));
    app.book(&clinic, START, 30).await.problem(409, "staff_busy");
    app.clock.advance(SignedDuration::from_secs(1));
    app.booked(&clinic, START).await;
    end(&app, &held, "confirm", confirm).await.problem(410, "hold_expired");
    end(&app, &held, "release", json!({})).await.problem(410, "hold_expired");
    app.check_day_sheets().await;
}

/// A late release gets `hold_expired`. A replay under its key gets the first response.
#[tokio::test]
async fn a_lapsed_hold_can_not_be_released_and_its_time_is_free_for_others() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let held = app.held(&clinic, START, 10).await;
    let other = app.held(&clinic, "2035-01-16T10:00:00", 10).await;
    let release = app.post(&format!("{}/release", other.path));
    let release = release.json(&json!({ "hold_secret": other.secret })).idempotent("k");
    let released = release.clone().send().await.expect(200);
    app.clock.advance(minutes(10));
    let before = app.all_items().await;
    end(&app, &held, "release", json!({})).await.problem(410, "hold_expired");
    assert_eq!(release.send().await.expect(200).replayed(), released.replayed());
    assert_eq!(app.all_items().await, before);
    app.clock.advance(SignedDuration::from_secs(6));
    end(&app, &held, "release", json!({})).await.problem(410, "hold_expired");
    app.booked(&clinic, START).await;
    app.check_day_sheets().await;
}

#[tokio::test]
async fn all_lapsed_holds_are_ended() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let room = app.resource(&clinic.path).await;
    let path = format!("{}/holds", clinic.path);
    // Holds of the staff member, of the room with other staff, of the patient at another clinic, and across midnight.
    let elsewhere = app.ready_clinic().await;
    let other = app.staff_member(&clinic.path).await;
    let hold = |staff: &str, more: Value, start: &str| {
        let mut hold = json!({ "staff_id": staff, "start": start, "duration_minutes": 30 });
        hold.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        hold
    };
    let (rooms, patient) =
        (json!({ "resource_ids": [room] }), json!({ "patient_id": clinic.patient }));
    let there = format!("{}/holds", elsewhere.path);
    for (path, body) in [
        (&path, hold(&clinic.staff, json!({}), "2035-01-16T23:30:00Z")),
        (
            &path,
            hold(
                &clinic.staff,
                json!({ "patient_id": app.patient().await }),
                "2035-01-17T00:30:00Z",
            ),
        ),
        (&path, hold(&other, rooms.clone(), "2035-01-16T23:45:00Z")),
        (&there, hold(&elsewhere.staff, patient, "2035-01-17T00:00:00Z")),
    ] {
        app.post(path).json(&body).send().await.expect(201);
    }
    let mut wanted = booking(&clinic.staff, &clinic.patient, "2035-01-16T23:30:00Z", 90);
    wanted["resource_ids"] = rooms["resource_ids"].clone();
    let book = app.post(&format!("{}/appointments", clinic.path)).json(&wanted);
    book.clone().send().await.problem(409, "staff_busy");
    app.clock.advance(minutes(11));
    book.send().await.expect(201);
    app.check_day_sheets().await;
    let appointments = app.all_appointments().await;
    let expired = appointments.iter().filter(|one| one.value.status.to_string() == "expired");
    assert_eq!((appointments.len(), expired.count()), (5, 4));
}

/// A transaction has at most 100 writes, and a BatchGetItem at most 100 keys.
#[tokio::test]
async fn more_lapsed_holds_than_fit_into_a_transaction_are_ended() {
    for (number, with_patients) in [(49, true), (110, false)] {
        let app = TestApp::builder().without_rates().spawn().await;
        let clinic = app.ready_clinic().await;
        let path = format!("{}/holds", clinic.path);
        for index in 0..number {
            let start: jiff::Timestamp = "2035-01-16T06:00:00Z".parse().unwrap();
            let start = start + minutes(5 * index);
            let mut hold =
                json!({ "staff_id": clinic.staff, "start": start, "duration_minutes": 5 });
            if with_patients {
                hold["patient_id"] = json!(app.patient().await);
            }
            app.post(&path).json(&hold).send().await.expect(201);
        }
        app.clock.advance(minutes(11));
        app.wire.forget();
        let wanted = booking(&clinic.staff, &clinic.patient, "2035-01-16T06:00:00Z", 12 * 60);
        let book = app.post(&format!("{}/appointments", clinic.path)).json(&wanted);
        book.idempotent("k").send().await.expect(201);
        let calls = app.wire.take_calls();
        let size = |call: &WireCall| call.request["TransactItems"].as_array().map(Vec::len);
        let transactions: Vec<_> = calls.iter().filter_map(size).collect();
        let expected = if with_patients { vec![41, 41, 19, 7] } else { vec![31, 31, 31, 21, 7] };
        assert_eq!(transactions, expected);
        app.check_day_sheets().await;
        let appointments = app.all_appointments().await;
        let expired = appointments.iter().filter(|one| one.value.status.to_string() == "expired");
        assert_eq!(expired.count(), usize::try_from(number).unwrap());
    }
}

#[tokio::test]
async fn a_hold_with_a_key_is_made_once_and_told_again_with_its_secret() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let body = json!({ "staff_id": clinic.staff, "start": START, "duration_minutes": 30 });
    let hold = app.post(&format!("{}/holds", clinic.path)).json(&body).idempotent("k");
    let first = hold.clone().send().await.expect(201);
    let second = hold.send().await.expect(201);
    assert_eq!(first.body, second.body);
    let held = Held::of(&first);
    let confirm = json!({ "hold_secret": held.secret, "patient_id": clinic.patient });
    let confirm = app.post(&format!("{}/confirm", held.path)).json(&confirm).idempotent("c");
    let first = confirm.clone().send().await.expect(200);
    app.clock.advance(minutes(30));
    assert_eq!(confirm.send().await.expect(200).body, first.body);
    app.check_day_sheets().await;
}

#[tokio::test]
async fn a_held_slot_takes_no_step_of_the_status_life_and_can_be_deleted() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let held = app.held(&clinic, START, 10).await;
    let appointment = held.path.replace("holds", "appointments");
    for status in ["scheduled", "confirmed", "checked_in", "no_show"] {
        app.step(&appointment, status).await.problem(409, "invalid_transition");
    }
    let cancel = app.post(&format!("{appointment}/cancel")).send().await;
    cancel.problem(409, "invalid_transition");
    let moving = app.post(&format!("{appointment}/reschedule")).json(&json!({ "start": START }));
    moving.send().await.problem(409, "invalid_transition");
    app.delete(&appointment).send().await.expect(204);
    end(&app, &held, "confirm", json!({})).await.problem(404, "not_found");
    app.booked(&clinic, START).await;
    app.check_day_sheets().await;
}

/// A lapsed hold does not block the deletion of a staff member.
#[tokio::test]
async fn a_lapsed_hold_does_not_block_a_deletion() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    app.held(&clinic, START, 10).await;
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    app.delete(&staff).send().await.problem(409, "has_future_appointments");
    app.clock.advance(minutes(11));
    app.delete(&staff).send().await.expect(204);
}

#[tokio::test]
async fn inactive_people_and_rooms_are_not_held() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let room = app.resource(&clinic.path).await;
    let path = format!("{}/resources/{room}", clinic.path);
    app.patch(&path).json(&json!({ "active": false })).send().await.expect(200);
    let body = json!({
        "staff_id": clinic.staff, "start": START, "duration_minutes": 30, "resource_ids": [room]
    });
    let hold = app.post(&format!("{}/holds", clinic.path)).json(&body);
    let problem = hold.send().await.problem(409, "resource_inactive");
    assert_eq!(problem["blocking"], json!({ "type": "resource", "id": room }));
    // An older hold cannot be confirmed for a patient who is inactive now.
    let held = app.held(&clinic, START, 10).await;
    let patient = app.post("/v1/patients").json(&json!({ "name": "Ida", "active": false }));
    let patient = json!({ "patient_id": id(&patient.send().await.expect(201)) });
    end(&app, &held, "confirm", patient).await.problem(409, "patient_inactive");
}

#[tokio::test]
async fn a_hold_that_ends_before_the_body_has_arrived_is_not_confirmed() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let held = app.held(&clinic, START, 1).await;
    let body = json!({ "patient_id": clinic.patient, "hold_secret": held.secret });
    let clock = app.clock.clone();
    let confirm = app.post(&format!("{}/confirm", held.path)).json(&body);
    let late = confirm.send_late(move || clock.advance(minutes(2))).await;
    late.problem(410, "hold_expired");
}
