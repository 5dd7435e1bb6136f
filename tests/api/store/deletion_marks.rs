//! Marks of interrupted deletions: they block requests for five minutes, and nothing after that.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::{Answer, Call, ClinicMade, Fault, Held, TestApp, booking, booking_with, id};

const START: &str = "2035-01-16T09:00:00";
const LATER: &str = "2035-01-17T09:00:00";

/// A clinic with one record of each kind to book, an appointment and two holds.
struct Ready {
    app: TestApp,
    clinic: ClinicMade,
    room: String,
    /// Another staff member and another patient, who are not marked.
    others: ClinicMade,
    appointment: String,
    hold: Held,
}

impl Ready {
    async fn new() -> Self {
        let app = TestApp::spawn().await;
        let clinic = app.ready_clinic().await;
        let staff = app.staff_member(&clinic.path).await;
        let others = ClinicMade { staff, patient: app.patient().await, path: clinic.path.clone() };
        let room = app.resource(&clinic.path).await;
        let appointment = app.booked(&others, START).await;
        let hold = app.held(&clinic, LATER, 15).await;
        Self { app, clinic, room, others, appointment, hold }
    }

    fn clinic_id(&self) -> &str {
        self.clinic.path.rsplit('/').next().unwrap()
    }

    fn exception(&self, of: &Value) -> Call {
        let mut body =
            json!({ "first_date": "2035-02-01", "last_date": "2035-02-01", "effect": "closed" });
        body.as_object_mut().unwrap().extend(of.as_object().unwrap().clone());
        self.app.post(&format!("{}/exceptions", self.clinic.path)).json(&body)
    }

    /// Every request that a mark refuses: the marked record, the request, its status while the mark blocks, and once the mark is
    /// abandoned.
    fn refused(&self) -> Vec<(&'static str, String, Call, u16, u16)> {
        let Self { app, clinic, room, others, appointment, hold } = self;
        let (staff, patient) = (clinic.staff.clone(), clinic.patient.clone());
        let path = &clinic.path;
        let body = booking(&staff, &others.patient, "2035-01-18T09:00:00", 30);
        let by_staff = app.post(&format!("{path}/appointments")).json(&body);
        let body = booking(&others.staff, &patient, "2035-01-18T10:00:00", 30);
        let by_patient = app.post(&format!("{path}/appointments")).json(&body);
        let with_room = json!({ "resource_ids": [room] });
        let body = booking_with(others, "2035-01-18T11:00:00", with_room);
        let by_room = app.post(&format!("{path}/appointments")).json(&body);
        let mut body = booking(&staff, &others.patient, "2035-01-18T12:00:00", 30);
        body["hold_minutes"] = json!(5);
        let held = app.post(&format!("{path}/holds")).json(&body);
        let confirmed = json!({ "hold_secret": hold.secret, "patient_id": patient });
        let confirmed = app.post(&format!("{}/confirm", hold.path)).json(&confirmed);
        let to_staff = app.post(&format!("{appointment}/reschedule"));
        let to_staff = to_staff.json(&json!({ "staff_id": staff }));
        let to_room = app.post(&format!("{appointment}/reschedule"));
        let to_room = to_room.json(&json!({ "resource_ids": [room] }));
        let new_staff = json!({ "name": "N", "role": "nurse" });
        let new_staff = app.post(&format!("{path}/staff")).json(&new_staff);
        let new_room = json!({ "name": "N", "kind": "room" });
        let new_room = app.post(&format!("{path}/resources")).json(&new_room);
        let new_type = json!({ "name": "N", "duration_minutes": 20 });
        let new_type = app.post(&format!("{path}/visit-types")).json(&new_type);
        let of_staff = self.exception(&json!({ "staff_id": staff }));
        let of_room = self.exception(&json!({ "resource_id": room }));
        let clinic_id = self.clinic_id().to_owned();
        vec![
            // The hold expires for the others.
            ("a confirmation", patient.clone(), confirmed, 409, 200),
            ("a booking by staff", staff.clone(), by_staff, 409, 201),
            ("a booking by patient", patient, by_patient, 409, 201),
            ("a booking by room", room.clone(), by_room, 409, 201),
            ("a hold", staff.clone(), held, 409, 201),
            ("a move to staff", staff.clone(), to_staff, 409, 200),
            ("a move to a room", room.clone(), to_room, 409, 200),
            ("a new staff member", clinic_id.clone(), new_staff, 404, 201),
            ("a new resource", clinic_id.clone(), new_room, 404, 201),
            ("a new visit type", clinic_id.clone(), new_type, 404, 201),
            ("a clinic's exception", clinic_id, self.exception(&json!({})), 404, 201),
            ("a staff member's exception", staff, of_staff, 422, 201),
            ("a resource's exception", room.clone(), of_room, 422, 201),
        ]
    }
}

#[tokio::test]
async fn whatever_an_abandoned_mark_refuses_takes_it_back_and_goes_on() {
    let ready = Ready::new().await;
    let app = &ready.app;
    for (what, marked, call, refused, done) in ready.refused() {
        app.mark_as_being_deleted(&marked, false).await;
        let before = app.stored(&marked).await;
        app.clock.advance(SignedDuration::from_secs(20));
        let answer = call.clone().send().await;
        assert_eq!(answer.status, refused, "{what}: {answer:?}");
        assert_eq!(app.stored(&marked).await, before, "{what}: the deletion may be at it");
        app.clock.advance(SignedDuration::from_secs(280));
        let answer = call.send().await;
        assert_eq!(answer.status, done, "{what}: {answer:?}");
        assert!(!app.stored(&marked).await.contains_key("deleting"), "{what}");
    }
    app.check_day_sheets().await;
}

/// The stalled deletion notices that its mark is gone, and checks again.
#[tokio::test]
async fn a_deletion_that_stalled_deletes_nothing_under_a_fresh_booking() {
    for kind in ["staff", "patient", "resource", "clinic"] {
        let ready = Ready::new().await;
        let Ready { app, clinic, room, .. } = &ready;
        let path = match kind {
            // The hold is that of the other staff member.
            "staff" => format!("{}/staff/{}", clinic.path, app.staff_member(&clinic.path).await),
            "patient" => format!("/v1/patients/{}", clinic.patient),
            "resource" => format!("{}/resources/{room}", clinic.path),
            _ => app.clinic().await,
        };
        let marked = path.rsplit('/').next().unwrap();
        // A patient is deleted together with its search items.
        let deletes = if kind == "patient" { "TransactWriteItems" } else { "DeleteItem" };
        let (has_marked, go_on) = app.wire.pause_before(deletes);
        let deletion = tokio::spawn(app.delete(&path).send());
        has_marked.await.unwrap();
        app.clock.advance(SignedDuration::from_mins(5));
        let more = match kind {
            "staff" => json!({ "staff_id": marked }),
            "resource" => json!({ "resource_ids": [room] }),
            _ => json!({}),
        };
        let (made, code) = if kind == "clinic" {
            let staff = json!({ "name": "N", "role": "nurse" });
            (app.post(&format!("{path}/staff")).json(&staff).send().await, "clinic_has_staff")
        } else {
            let booked = app.book_with(clinic, "2035-01-18T09:00:00", more).await;
            (booked, "has_future_appointments")
        };
        made.expect(201);
        go_on.send(()).unwrap();
        deletion.await.unwrap().problem(409, code);
        let kept = app.get(&path).send().await.expect(200);
        assert_eq!(kept.header("etag"), "\"1\"", "{kind}");
        assert!(!app.stored(marked).await.contains_key("deleting"), "{kind}");
        app.check_day_sheets().await;
    }
}

#[tokio::test]
async fn a_mark_is_taken_back_by_its_own_organisation_alone() {
    let ready = Ready::new().await;
    let Ready { app, clinic, others, .. } = &ready;
    app.mark_as_being_deleted(&clinic.patient, false).await;
    app.clock.advance(SignedDuration::from_mins(6));
    let before = app.stored(&clinic.patient).await;
    let foreign = app.in_org("ORG-OTHER");
    let own = foreign.ready_clinic().await;
    let body = booking(&own.staff, &clinic.patient, "2035-01-18T09:00:00", 30);
    let call = foreign.post(&format!("{}/appointments", own.path)).json(&body);
    call.send().await.problem(422, "unknown_reference");
    let call = foreign.post(&format!("{}/staff", others.path));
    call.json(&json!({ "name": "N", "role": "nurse" })).send().await.problem(404, "not_found");
    assert_eq!(app.stored(&clinic.patient).await, before);
}

#[tokio::test]
async fn taking_a_mark_back_takes_one_write_and_the_transaction_again() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    app.mark_as_being_deleted(&clinic.staff, false).await;
    app.mark_as_being_deleted(&clinic.patient, false).await;
    app.clock.advance(SignedDuration::from_mins(5));
    app.wire.forget();
    app.booked(&clinic, START).await;
    let calls = app.wire.take_calls();
    let writes = calls.iter().map(|call| call.operation.as_str());
    let reads = ["GetItem", "BatchGetItem", "Query"];
    let writes: Vec<_> = writes.filter(|name| !reads.contains(name)).collect();
    assert_eq!(writes, ["TransactWriteItems", "UpdateItem", "UpdateItem", "TransactWriteItems"]);
}

#[tokio::test]
async fn lost_replies_of_taking_a_mark_back_do_not_matter() {
    for fault in [Fault::LostReply, Fault::Throttled, Fault::ServerError] {
        let ready = Ready::new().await;
        let Ready { app, clinic, .. } = &ready;
        app.mark_as_being_deleted(&clinic.patient, false).await;
        app.clock.advance(SignedDuration::from_mins(5));
        app.wire.disturb("UpdateItem", fault);
        app.book(clinic, "2035-01-18T09:00:00", 30).await.expect(201);
        assert_eq!(app.wire.waiting(), 0);
        app.check_day_sheets().await;
    }
}

#[tokio::test]
async fn free_times_are_those_that_can_be_booked() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let range = "from=2035-01-16&to=2035-01-16&duration_minutes=30";
    let path = format!("{}/availability?{range}", clinic.path);
    let slots = async || {
        let found = app.get(&path).send().await.expect(200).json();
        found["slots"].as_array().unwrap().len()
    };
    let all = slots().await;
    assert!(all > 0);
    app.mark_as_being_deleted(&clinic.staff, false).await;
    assert_eq!(slots().await, 0);
    app.clock.advance(SignedDuration::from_mins(5));
    assert_eq!(slots().await, all);
}

/// A final mark never expires. The record shows it, and another DELETE completes the deletion.
#[tokio::test]
async fn a_record_whose_deletion_is_decided_says_so_until_it_is_deleted() {
    let ready = Ready::new().await;
    let Ready { app, clinic, .. } = &ready;
    let staff = app.staff_member(&clinic.path).await;
    let path = format!("{}/staff/{staff}", clinic.path);
    let shown = app.get(&path).send().await.expect(200);
    assert!(shown.json().get("deleting").is_none());
    app.mark_as_being_deleted(&staff, false).await;
    assert!(app.get(&path).send().await.expect(200).json().get("deleting").is_none());
    app.mark_as_being_deleted(&staff, true).await;
    app.clock.advance(SignedDuration::from_hours(24 * 30));
    let tag = shown.header("etag");
    let shown = app.get(&path).header("if-none-match", tag).send().await.expect(200);
    assert_eq!(shown.json()["deleting"], json!(true));
    let listed = app.get(&format!("{}/staff", clinic.path)).send().await.expect(200).json();
    let listed = listed["items"].as_array().unwrap();
    let listed = listed.iter().find(|item| item["id"] == json!(staff)).unwrap();
    assert_eq!(listed["deleting"], json!(true));
    let more = json!({ "staff_id": staff });
    let refused: Answer = app.book_with(clinic, "2035-02-20T09:00:00", more).await;
    refused.problem(409, "staff_inactive");
    app.patch(&path).json(&json!({ "name": "B" })).send().await.problem(404, "not_found");
    app.delete(&path).send().await.expect(204);
    app.get(&path).send().await.problem(404, "not_found");
    assert_ne!(id(&shown), clinic.staff);
}
