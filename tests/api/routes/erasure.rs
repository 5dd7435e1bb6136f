//! Erasing a patient: nothing personal is left anywhere, and the clinics keep the history of their slots.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::{ClinicMade, Fault, TestApp, booking};

const MARKERS: [&str; 8] = [
    "Erased-Name",
    "ERASED-MRN",
    "1931-07-09",
    "+41700009999",
    "erased@example.org",
    "Erased-Patient-Notes",
    "Erased-Reason",
    "Erased-Notes",
];

/// A patient of whom everything is known, with a visit that is over and one that was cancelled.
async fn known_patient(app: &TestApp) -> (ClinicMade, Vec<String>) {
    let clinic = app.ready_clinic().await;
    let record = json!({
        "name": "Erased-Name", "mrn": "ERASED-MRN", "birth_date": "1931-07-09", "phone": "+41700009999",
        "email": "erased@example.org", "notes": "Erased-Patient-Notes",
    });
    let path = format!("/v1/patients/{}", clinic.patient);
    app.patch(&path).json(&record).send().await.expect(200);
    // Answers are kept under their keys.
    let twin = json!({ "name": "Erased-Name", "notes": "Erased-Patient-Notes" });
    let twin = app.post("/v1/patients").json(&twin).idempotent("twin").send().await.expect(201);
    app.delete(&twin.location()).send().await.expect(204);
    let mut visits = Vec::new();
    for start in ["2035-01-16T09:00:00", "2035-01-16T15:00:00"] {
        let mut visit = booking(&clinic.staff, &clinic.patient, start, 30);
        visit["reason"] = json!("Erased-Reason");
        visit["notes"] = json!("Erased-Notes");
        let appointments = format!("{}/appointments", clinic.path);
        visits.push(
            app.post(&appointments)
                .json(&visit)
                .idempotent(start)
                .send()
                .await
                .expect(201)
                .location(),
        );
    }
    let cancellation = json!({ "reason": "Erased-Reason" });
    app.post(&format!("{}/cancel", visits[1])).json(&cancellation).send().await.expect(200);
    (clinic, visits)
}

async fn markers_left(app: &TestApp) -> Vec<&'static str> {
    let items = format!("{:?}", app.all_items_and_accesses().await);
    MARKERS.into_iter().filter(|marker| items.contains(marker)).collect()
}

#[tokio::test]
async fn nothing_personal_is_left_and_the_slots_are() {
    let app = TestApp::spawn().await;
    let (clinic, visits) = known_patient(&app).await;
    assert_eq!(markers_left(&app).await, MARKERS);
    let path = format!("/v1/patients/{}", clinic.patient);
    let erase = format!("{path}?mode=erase");
    // While there is an appointment to come, nothing changes.
    let before = app.all_items_and_accesses().await;
    app.delete(&erase).send().await.problem(409, "has_future_appointments");
    assert_eq!(app.all_items_and_accesses().await, before);
    app.clock.advance(SignedDuration::from_hours(48));
    app.delete(&erase).send().await.expect(204);
    assert_eq!(markers_left(&app).await, Vec::<&str>::new());
    app.get(&path).send().await.problem(404, "not_found");
    let expected = ["scheduled", "cancelled"];
    for (visit, status) in visits.iter().zip(expected) {
        let left = app.get(visit).send().await.expect(200).json();
        assert_eq!(left["status"], status);
        assert_eq!(left["patient_id"], clinic.patient);
        for member in ["reason", "notes", "cancellation_reason"] {
            assert_eq!(left.get(member), None, "{left}");
        }
    }
    app.check_day_sheets().await;
    let remembered = app.get(&format!("{path}/accesses?consistent=true")).send().await.expect(200);
    let items = remembered.json()["items"].as_array().unwrap().clone();
    let erasures: Vec<&Value> =
        items.iter().filter(|access| access["operation"] == "erase_patient").collect();
    assert_eq!(erasures.len(), 1, "{items:?}");
    assert_eq!(erasures[0]["subject"], "test-admin");
    // The record number is another's to have.
    let other = json!({ "name": "Other", "mrn": "ERASED-MRN" });
    app.post("/v1/patients").json(&other).send().await.expect(201);
}

#[tokio::test]
async fn an_erasure_that_was_cut_short_is_finished_by_asking_again() {
    let app = TestApp::spawn().await;
    let (clinic, _) = known_patient(&app).await;
    app.clock.advance(SignedDuration::from_hours(48));
    let erase = format!("/v1/patients/{}?mode=erase", clinic.patient);
    // The record goes first; then the look at the appointments fails.
    app.wire.disturb_later(2, "Query", Fault::Unforeseen);
    app.delete(&erase).send().await.problem(500, "internal_error");
    assert_eq!(app.wire.waiting(), 0);
    assert_eq!(markers_left(&app).await, ["Erased-Reason", "Erased-Notes"]);
    app.delete(&erase).send().await.expect(204);
    assert_eq!(markers_left(&app).await, Vec::<&str>::new());
}

#[tokio::test]
async fn who_was_deleted_can_be_erased_and_who_never_was_can_not() {
    let app = TestApp::spawn().await;
    let (clinic, visits) = known_patient(&app).await;
    app.clock.advance(SignedDuration::from_hours(48));
    let path = format!("/v1/patients/{}", clinic.patient);
    app.delete(&path).send().await.expect(204);
    // A deletion leaves the appointments as they were, and they can be exported.
    assert_eq!(app.get(&visits[0]).send().await.expect(200).json()["notes"], "Erased-Notes");
    let export = app.get(&format!("{path}/export")).send().await.expect(200).json();
    assert_eq!(
        (&export["patient"], export["appointments"].as_array().unwrap().len()),
        (&Value::Null, 2)
    );
    let elsewhere = app.in_org("ORG-ELSEWHERE");
    elsewhere.delete(&format!("{path}?mode=erase")).send().await.problem(404, "not_found");
    assert!(!markers_left(&app).await.is_empty());
    app.delete(&format!("{path}?mode=erase")).send().await.expect(204);
    assert_eq!(markers_left(&app).await, Vec::<&str>::new());
    let nobody = "/v1/patients/PAT-000000000000000000000000?mode=erase";
    app.delete(nobody).send().await.problem(404, "not_found");
    app.delete(&format!("{path}?mode=shred")).send().await.problem(400, "invalid_parameter");
}

#[tokio::test]
async fn an_erasure_costs_one_update_for_each_appointment() {
    let app = TestApp::spawn().await;
    let (clinic, _) = known_patient(&app).await;
    app.clock.advance(SignedDuration::from_hours(48));
    app.settle().await;
    app.wire.forget();
    let erase = format!("/v1/patients/{}?mode=erase", clinic.patient);
    app.delete(&erase).send().await.expect(204);
    let calls = app.wire.take_calls();
    let operations: Vec<_> = calls.iter().map(|call| call.operation.as_str()).collect();
    let expected = [
        "GetItem",
        "Query",
        "UpdateItem",
        "Query",
        "TransactWriteItems", // the record
        "Query",
        "UpdateItem",
        "UpdateItem",
        "Query", // the appointments, and a last look
    ];
    assert_eq!(operations, expected);
}
