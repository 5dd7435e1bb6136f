//! What the changes of plain records are refused with.

use clinic_api::{error::ErrorCode as Code, records::exceptions::model::MAX_PER_OWNER};
use serde_json::{Value, json};

use super::Recorder;
use crate::support::{Call, TestApp};

/// What creations, changes and deletions are refused with.
pub async fn record(recorder: &mut Recorder) {
    let app = TestApp::spawn().await;
    let clinic = app.clinic_with_hours().await;
    let path = |collection: &str| format!("{}/{collection}", clinic.path);
    let dates = json!({ "first_date": "2035-01-20", "effect": "closed" });
    let room = json!({ "name": "Treatment room 2", "kind": "room" });
    let visit_type = json!({ "name": "Check-up", "duration_minutes": 20 });
    let creations = [
        (
            "create_clinic",
            "/v1/clinics".to_owned(),
            json!({ "name": "Seefeld", "time_zone": "UTC" }),
        ),
        (
            "create_staff_member",
            path("staff"),
            json!({ "name": "Dr. Keller", "role": "physician" }),
        ),
        ("create_resource", path("resources"), room),
        ("create_visit_type", path("visit-types"), visit_type),
        ("create_exception", path("exceptions"), dates),
        ("create_patient", "/v1/patients".to_owned(), json!({ "name": "Ida Example" })),
        (
            "create_webhook",
            "/v1/webhooks".to_owned(),
            json!({ "url": "https://hooks.example.org/" }),
        ),
    ];
    for (operation, path, body) in &creations {
        let call = |body: &Value| app.post(path).json(body);
        record_creation(recorder, operation, &call, body).await;
    }
    record_patches(recorder, &app, &clinic.path, &clinic.staff, &clinic.patient).await;
    record_counts(recorder, &app, &clinic.path, &clinic.staff).await;
    record_deletions(recorder).await;
    record_merges(recorder).await;
}

/// A body that lacks its first member, and one under the key of another.
async fn record_creation(
    recorder: &mut Recorder,
    operation: &str,
    call: &impl Fn(&Value) -> Call,
    body: &Value,
) {
    let mut lacking = body.clone();
    let first = body.as_object().unwrap().keys().next().unwrap();
    lacking.as_object_mut().unwrap().remove(first);
    recorder.keep(operation, Code::ValidationFailed, call(&lacking).send().await);
    let key = format!("key-of-{operation}");
    call(body).idempotent(&key).send().await.expect(201);
    let mut other = body.clone();
    let changed = if operation == "create_exception" {
        ("first_date", json!("2035-01-21"))
    } else if operation == "create_webhook" {
        ("url", json!("https://other.example.org/"))
    } else {
        ("name", json!("Another name"))
    };
    other[changed.0] = changed.1;
    let reused = call(&other).idempotent(&key).send().await;
    recorder.keep(operation, Code::IdempotencyKeyReused, reused);
}

async fn record_patches(
    recorder: &mut Recorder,
    app: &TestApp,
    clinic: &str,
    staff: &str,
    patient: &str,
) {
    let room = app.resource(clinic).await;
    let visit_type = app.visit_type(clinic).await;
    let webhook = app.webhook("https://hooks.example.org/clinic").await;
    let empty = json!({ "name": "" });
    let patches = [
        ("update_clinic", clinic.to_owned(), empty.clone()),
        ("update_staff_member", format!("{clinic}/staff/{staff}"), empty.clone()),
        ("update_resource", format!("{clinic}/resources/{room}"), empty.clone()),
        ("update_visit_type", format!("{clinic}/visit-types/{visit_type}"), empty.clone()),
        (
            "update_patient",
            format!("/v1/patients/{patient}"),
            json!({ "birth_date": "2099-01-01" }),
        ),
        ("update_webhook", webhook.clone(), json!({ "url": "http://hooks.example.org/" })),
    ];
    for (operation, path, body) in patches {
        let refused = app.patch(&path).json(&body).send().await;
        recorder.keep(operation, Code::ValidationFailed, refused);
    }
    let other = json!({ "name": "Ida Example", "mrn": "A-2027-0001" });
    app.post("/v1/patients").json(&other).send().await.expect(201);
    let taken = app.post("/v1/patients").json(&other).send().await;
    recorder.keep("create_patient", Code::MrnTaken, taken);
    let mrn = json!({ "mrn": "A-2027-0001" });
    let taken = app.patch(&format!("/v1/patients/{patient}")).json(&mrn).send().await;
    recorder.keep("update_patient", Code::MrnTaken, taken);
}

async fn record_counts(recorder: &mut Recorder, app: &TestApp, clinic: &str, staff: &str) {
    let nobody = json!({
        "staff_id": "STF-2B7M1X9D4K8R0W5T3V6N8Q1C", "first_date": "2035-01-20", "effect": "closed"
    });
    let exceptions = format!("{clinic}/exceptions");
    let refused = app.post(&exceptions).json(&nobody).send().await;
    recorder.keep("create_exception", Code::UnknownReference, refused);
    app.closed_days_of(clinic, staff, MAX_PER_OWNER).await;
    let one_more = json!({ "staff_id": staff, "first_date": "2035-01-20", "effect": "closed" });
    let refused = app.post(&exceptions).json(&one_more).send().await;
    recorder.keep("create_exception", Code::TooManyExceptions, refused);
    let webhook = json!({ "url": "https://hooks.example.org/" });
    let refused = loop {
        let answer = app.post("/v1/webhooks").json(&webhook).send().await;
        if answer.status != 201 {
            break answer;
        }
    };
    recorder.keep("create_webhook", Code::TooManyWebhooks, refused);
}

async fn record_deletions(recorder: &mut Recorder) {
    let app = TestApp::spawn().await;
    let clinic = app.clinic_with_hours().await;
    let delete = async |path: String| app.delete(&path).send().await;
    let room = app.resource(&clinic.path).await;
    let body = json!({ "resource_ids": [room] });
    app.book_with(&clinic, "2035-01-16T09:00:00", body).await.expect(201);
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    let room = format!("{}/resources/{room}", clinic.path);
    let patient = format!("/v1/patients/{}", clinic.patient);
    for (operation, path) in
        [("delete_staff_member", &staff), ("delete_resource", &room), ("delete_patient", &patient)]
    {
        recorder.keep(operation, Code::HasFutureAppointments, delete(path.clone()).await);
    }
    recorder.keep("delete_clinic", Code::ClinicHasResources, delete(clinic.path.clone()).await);
    let with_staff = app.ready_clinic().await.path;
    recorder.keep("delete_clinic", Code::ClinicHasStaff, delete(with_staff).await);
}

async fn record_merges(recorder: &mut Recorder) {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let (one, other) = (app.patient().await, app.patient().await);
    let merge = |body: Value| app.post(&format!("/v1/patients/{one}/merge")).json(&body);
    recorder.keep("merge_patient", Code::ValidationFailed, merge(json!({})).send().await);
    let nobody = json!({ "into": "PAT-000000000000000000000000" });
    recorder.keep("merge_patient", Code::UnknownReference, merge(nobody).send().await);
    app.mark_as_being_deleted(&other, false).await;
    let refused = merge(json!({ "into": other })).send().await;
    recorder.keep("merge_patient", Code::PatientInactive, refused);
    merge(json!({ "into": clinic.patient })).idempotent("k").send().await.expect(200);
    let reused = merge(json!({ "into": other })).idempotent("k").send().await;
    recorder.keep("merge_patient", Code::IdempotencyKeyReused, reused);
    recorder.keep(
        "merge_patient",
        Code::PatientMerged,
        merge(json!({ "into": other })).send().await,
    );
    let patch = app.patch(&format!("/v1/patients/{one}")).json(&json!({ "notes": "N" }));
    recorder.keep("update_patient", Code::PatientMerged, patch.send().await);
    let erase = app.delete(&format!("/v1/patients/{one}?mode=erase"));
    recorder.keep("delete_patient", Code::PatientMerged, erase.send().await);
    let export = app.get(&format!("/v1/patients/{one}/export"));
    recorder.keep("export_patient", Code::PatientMerged, export.send().await);
    let body = json!({ "patient_id": one });
    let refused = app.book_with(&clinic, "2035-01-16T09:00:00", body).await;
    recorder.keep("create_appointment", Code::PatientMerged, refused);
}
