//! What booking, holding, moving and the steps of the status are refused with.

use clinic_api::{error::ErrorCode as Code, scheduling::model::MAX_ENTRIES};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::Recorder;
use crate::support::{Call, Held, TestApp, records::ClinicMade};

/// A clinic with hours on Tuesdays, and others whom a booking may need.
struct Scene {
    app: TestApp,
    clinic: ClinicMade,
    colleague: String,
    other_patient: String,
    room: String,
}

impl Scene {
    async fn set() -> Self {
        let app = TestApp::spawn().await;
        let clinic = app.clinic_with_hours().await;
        Self {
            colleague: app.staff_member(&clinic.path).await,
            other_patient: app.patient().await,
            room: app.resource(&clinic.path).await,
            clinic,
            app,
        }
    }

    /// A booking of the staff member for the patient, with other members, or more.
    fn body(&self, start: &str, more: Value) -> Value {
        let mut body = json!({
            "staff_id": self.clinic.staff, "patient_id": self.clinic.patient,
            "start": start, "duration_minutes": 30
        });
        let Value::Object(more) = more else { panic!("no members: {more}") };
        body.as_object_mut().unwrap().extend(more);
        body.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        body
    }

    fn call(&self, collection: &str, start: &str, more: Value) -> Call {
        self.app.post(&format!("{}/{collection}", self.clinic.path)).json(&self.body(start, more))
    }

    async fn booked(&self, start: &str, more: Value) -> String {
        self.call("appointments", start, more).send().await.expect(201).location()
    }

    /// A booking of the colleague for the other patient, with the room.
    async fn booked_beside(&self, start: &str) -> String {
        let others = json!({
            "staff_id": self.colleague, "patient_id": self.other_patient, "resource_ids": [self.room]
        });
        self.booked(start, others).await
    }

    async fn patch(&self, path: &str, body: Value) {
        self.app.patch(path).json(&body).send().await.expect(200);
    }

    fn staff_path(&self) -> String {
        format!("{}/staff/{}", self.clinic.path, self.clinic.staff)
    }
}

const AT_NINE: &str = "2035-01-16T09:00:00";

/// What a booking or a hold is refused with.
pub async fn record(recorder: &mut Recorder) {
    for (operation, collection) in
        [("create_appointment", "appointments"), ("create_hold", "holds")]
    {
        let scene = Scene::set().await;
        let call = |start: &str, more: Value| scene.call(collection, start, more);
        scene.booked(AT_NINE, json!({})).await;
        let again = json!({ "patient_id": scene.other_patient });
        recorder.keep(operation, Code::StaffBusy, call(AT_NINE, again).send().await);
        let elsewhere = json!({ "staff_id": scene.colleague });
        recorder.keep(operation, Code::PatientBusy, call(AT_NINE, elsewhere).send().await);
        scene.booked_beside("2035-01-16T10:00:00").await;
        let same_room = json!({ "resource_ids": [scene.room] });
        let refused = call("2035-01-16T10:00:00", same_room).send().await;
        recorder.keep(operation, Code::ResourceBusy, refused);
        let refused = call("2035-01-16T19:00:00", json!({})).send().await;
        recorder.keep(operation, Code::OutsideWorkingHours, refused);
        record_invalid(recorder, operation, &call).await;
        record_inactive(recorder, operation, &scene, &call).await;
        scene.app.fill_sheets(&scene.clinic.staff, MAX_ENTRIES).await;
        let refused = call("2035-01-16T15:00:00", json!({})).send().await;
        recorder.keep(operation, Code::DayFull, refused);
    }
}

async fn record_invalid(
    recorder: &mut Recorder,
    operation: &str,
    call: &impl Fn(&str, Value) -> Call,
) {
    let short = json!({ "duration_minutes": 3 });
    recorder.keep(operation, Code::ValidationFailed, call(AT_NINE, short).send().await);
    // The night on which the clocks go forward.
    let refused = call("2035-03-25T02:30:00", json!({})).send().await;
    recorder.keep(operation, Code::AmbiguousLocalTime, refused);
    let nobody = json!({ "staff_id": "STF-2B7M1X9D4K8R0W5T3V6N8Q1C" });
    recorder.keep(operation, Code::UnknownReference, call(AT_NINE, nobody).send().await);
    let first = call("2035-01-16T14:00:00", json!({})).idempotent("key-1");
    first.send().await.expect(201);
    let other = call("2035-01-16T15:00:00", json!({})).idempotent("key-1");
    recorder.keep(operation, Code::IdempotencyKeyReused, other.send().await);
}

async fn record_inactive(
    recorder: &mut Recorder,
    operation: &str,
    scene: &Scene,
    call: &impl Fn(&str, Value) -> Call,
) {
    let (clinic, at) = (&scene.clinic.path, "2035-01-16T11:00:00");
    let visit_type = scene.app.visit_type(clinic).await;
    scene.patch(&scene.staff_path(), json!({ "role": "nurse" })).await;
    let of_type = json!({ "visit_type_id": visit_type, "duration_minutes": null });
    recorder.keep(operation, Code::RoleNotAllowed, call(at, of_type).send().await);
    let resource = format!("{clinic}/resources/{}", scene.room);
    scene.patch(&resource, json!({ "active": false })).await;
    let with_room = json!({ "resource_ids": [scene.room] });
    recorder.keep(operation, Code::ResourceInactive, call(at, with_room).send().await);
    let patient = format!("/v1/patients/{}", scene.clinic.patient);
    scene.patch(&patient, json!({ "active": false })).await;
    recorder.keep(operation, Code::PatientInactive, call(at, json!({})).send().await);
    scene.patch(&patient, json!({ "active": true })).await;
    scene.patch(&scene.staff_path(), json!({ "active": false })).await;
    recorder.keep(operation, Code::StaffInactive, call(at, json!({})).send().await);
    scene.patch(&scene.staff_path(), json!({ "active": true })).await;
}

/// What a move is refused with.
pub async fn record_moves(recorder: &mut Recorder) {
    const MOVE: &str = "reschedule_appointment";
    let scene = Scene::set().await;
    let appointment = scene.booked(AT_NINE, json!({})).await;
    let path = format!("{appointment}/reschedule");
    let to = |body: Value| scene.app.post(&path).json(&body);
    let start = |start: &str| to(json!({ "start": start }));
    let refused = to(json!({ "duration_minutes": 3 })).send().await;
    recorder.keep(MOVE, Code::ValidationFailed, refused);
    recorder.keep(MOVE, Code::AmbiguousLocalTime, start("2035-03-25T02:30:00").send().await);
    let nobody = json!({ "staff_id": "STF-2B7M1X9D4K8R0W5T3V6N8Q1C" });
    recorder.keep(MOVE, Code::UnknownReference, to(nobody).send().await);
    start("2035-01-16T09:30:00").idempotent("key-1").send().await.expect(200);
    let refused = start(AT_NINE).idempotent("key-1").send().await;
    recorder.keep(MOVE, Code::IdempotencyKeyReused, refused);
    scene.booked("2035-01-16T10:30:00", json!({ "patient_id": scene.other_patient })).await;
    recorder.keep(MOVE, Code::StaffBusy, start("2035-01-16T10:30:00").send().await);
    scene.booked("2035-01-16T11:00:00", json!({ "staff_id": scene.colleague })).await;
    recorder.keep(MOVE, Code::PatientBusy, start("2035-01-16T11:00:00").send().await);
    scene.booked_beside("2035-01-16T14:00:00").await;
    let room = json!({ "start": "2035-01-16T14:00:00", "resource_ids": [scene.room] });
    recorder.keep(MOVE, Code::ResourceBusy, to(room).send().await);
    recorder.keep(MOVE, Code::OutsideWorkingHours, start("2035-01-16T19:00:00").send().await);
    let resource = format!("{}/resources/{}", scene.clinic.path, scene.room);
    scene.patch(&resource, json!({ "active": false })).await;
    let room = json!({ "resource_ids": [scene.room] });
    recorder.keep(MOVE, Code::ResourceInactive, to(room).send().await);
    let colleague = format!("{}/staff/{}", scene.clinic.path, scene.colleague);
    scene.patch(&colleague, json!({ "active": false })).await;
    let colleague = json!({ "staff_id": scene.colleague });
    recorder.keep(MOVE, Code::StaffInactive, to(colleague).send().await);
    scene.app.post(&format!("{appointment}/cancel")).send().await.expect(200);
    recorder.keep(MOVE, Code::InvalidTransition, start("2035-01-16T15:00:00").send().await);
}

/// What the confirmation and the release of a hold are refused with.
pub async fn record_holds(recorder: &mut Recorder) {
    const CONFIRM: &str = "confirm_hold";
    const RELEASE: &str = "release_hold";
    let scene = Scene::set().await;
    let held = scene.app.held(&scene.clinic, "2035-01-16T10:00:00", 10).await;
    let confirm = |hold: &Held, more: Value| {
        let mut body = json!({ "hold_secret": hold.secret });
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        scene.app.post(&format!("{}/confirm", hold.path)).json(&body)
    };
    let release = |hold: &Held| {
        let body = json!({ "hold_secret": hold.secret });
        scene.app.post(&format!("{}/release", hold.path)).json(&body)
    };
    for (operation, path) in [(CONFIRM, "confirm"), (RELEASE, "release")] {
        let wrong = scene.app.post(&format!("{}/{path}", held.path));
        let wrong = wrong.json(&json!({ "hold_secret": "another" })).send().await;
        recorder.keep(operation, Code::Forbidden, wrong);
    }
    let patient = json!({ "patient_id": scene.clinic.patient });
    recorder.keep(CONFIRM, Code::ValidationFailed, confirm(&held, json!({})).send().await);
    let nobody = json!({ "patient_id": "PAT-7ZQ4N0W8K2M6T1V5X9B3C4D0" });
    recorder.keep(CONFIRM, Code::UnknownReference, confirm(&held, nobody).send().await);
    let without = scene.app.post(&format!("{}/release", held.path)).json(&json!({}));
    recorder.keep(RELEASE, Code::ValidationFailed, without.send().await);
    scene.booked("2035-01-16T10:00:00", json!({ "staff_id": scene.colleague })).await;
    recorder.keep(CONFIRM, Code::PatientBusy, confirm(&held, patient.clone()).send().await);
    let other = format!("/v1/patients/{}", scene.other_patient);
    scene.patch(&other, json!({ "active": false })).await;
    let other_patient = json!({ "patient_id": scene.other_patient });
    let refused = confirm(&held, other_patient.clone()).send().await;
    recorder.keep(CONFIRM, Code::PatientInactive, refused);
    scene.patch(&other, json!({ "active": true })).await;
    scene.patch(&scene.staff_path(), json!({ "active": false })).await;
    let refused = confirm(&held, other_patient.clone()).send().await;
    recorder.keep(CONFIRM, Code::StaffInactive, refused);
    scene.patch(&scene.staff_path(), json!({ "active": true })).await;
    confirm(&held, other_patient.clone()).idempotent("key-1").send().await.expect(200);
    let reused = confirm(&held, patient.clone()).idempotent("key-1").send().await;
    recorder.keep(CONFIRM, Code::IdempotencyKeyReused, reused);
    recorder.keep(CONFIRM, Code::InvalidTransition, confirm(&held, other_patient).send().await);
    recorder.keep(RELEASE, Code::InvalidTransition, release(&held).send().await);
    let expiring = scene.app.held(&scene.clinic, "2035-01-16T15:00:00", 10).await;
    scene.app.clock.advance(SignedDuration::from_mins(11));
    recorder.keep(CONFIRM, Code::HoldExpired, confirm(&expiring, patient).send().await);
    recorder.keep(RELEASE, Code::HoldExpired, release(&expiring).send().await);
}

/// What the steps of the status, cancellations and changes of the texts are refused with.
pub async fn record_steps(recorder: &mut Recorder) {
    const STEP: &str = "change_appointment_status";
    const CANCEL: &str = "cancel_appointment";
    const UPDATE: &str = "update_appointment";
    let scene = Scene::set().await;
    let appointment = scene.booked(AT_NINE, json!({})).await;
    let other = scene.booked("2035-01-16T10:00:00", json!({})).await;
    let forgotten = scene.booked("2035-01-16T11:00:00", json!({})).await;
    let step = |body: Value| scene.app.post(&format!("{appointment}/status")).json(&body);
    let cancel = |path: &str, body: Value| scene.app.post(&format!("{path}/cancel")).json(&body);
    let update = |body: Value| scene.app.patch(&appointment).json(&body);
    recorder.keep(STEP, Code::ValidationFailed, step(json!({ "status": "late" })).send().await);
    recorder.keep(STEP, Code::BeforeVisitDay, step(json!({ "status": "checked_in" })).send().await);
    step(json!({ "status": "confirmed" })).idempotent("key-1").send().await.expect(200);
    let reused = step(json!({ "status": "checked_in" })).idempotent("key-1").send().await;
    recorder.keep(STEP, Code::IdempotencyKeyReused, reused);
    let refused = cancel(&appointment, json!({ "reason": "x".repeat(501) })).send().await;
    recorder.keep(CANCEL, Code::ValidationFailed, refused);
    recorder.keep(UPDATE, Code::ValidationFailed, update(json!({ "start": AT_NINE })).send().await);
    let reason = json!({ "reason": "the patient called in sick" });
    cancel(&appointment, reason.clone()).idempotent("key-2").send().await.expect(200);
    let reused = cancel(&appointment, json!({})).idempotent("key-2").send().await;
    recorder.keep(CANCEL, Code::IdempotencyKeyReused, reused);
    recorder.keep(
        STEP,
        Code::InvalidTransition,
        step(json!({ "status": "confirmed" })).send().await,
    );
    // A visit that is over can't be cancelled, and the appointment of an erased patient takes no text.
    scene.app.clock.advance(SignedDuration::from_hours(24));
    for status in ["checked_in", "completed"] {
        let body = json!({ "status": status });
        scene.app.post(&format!("{other}/status")).json(&body).send().await.expect(200);
    }
    recorder.keep(CANCEL, Code::InvalidTransition, cancel(&other, json!({})).send().await);
    scene.app.clock.advance(SignedDuration::from_hours(24));
    let erase = format!("/v1/patients/{}?mode=erase", scene.clinic.patient);
    scene.app.delete(&erase).send().await.expect(204);
    recorder.keep(
        UPDATE,
        Code::AppointmentErased,
        update(json!({ "notes": "moved away" })).send().await,
    );
    recorder.keep(CANCEL, Code::AppointmentErased, cancel(&forgotten, reason).send().await);
}
