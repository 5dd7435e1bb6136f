//! Erasure of a patient: no personal data is left anywhere, and the clinics keep the history of their slots.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::{ClinicMade, Fault, Held, TestApp, booking};

const MARKERS: [&str; 19] = [
    "Erased-Name",
    "ERASED-MRN",
    "Erased-Family",
    "Erased-Given",
    "Erased-Prefix",
    "1931-07-09",
    "2034-11-13",
    "+41700009999",
    "4711471147",
    "Erased-Line",
    "Erased-City",
    "rm-Erased",
    "Erased-Relation",
    "Erased-Contact",
    "Erased-Identifier",
    "erased@example.org",
    "Erased-Patient-Notes",
    "Erased-Reason",
    "Erased-Notes",
];

/// A patient with all fields, a past visit and a cancelled one.
async fn known_patient(app: &TestApp) -> (ClinicMade, Vec<String>) {
    let clinic = app.ready_clinic().await;
    let record = json!({
        "name": { "text": "Erased-Name", "family": "Erased-Family", "given": ["Erased-Given"], "prefix": "Erased-Prefix" },
        "mrn": "ERASED-MRN", "birth_date": "1931-07-09", "deceased": "2034-11-13",
        "phones": [{ "value": "+41700009999", "extension": "4711471147" }],
        "email": "erased@example.org", "notes": "Erased-Patient-Notes", "language": "rm-Erased",
        "address": { "lines": ["Erased-Line"], "city": "Erased-City" },
        "contacts": [{ "relationship": "Erased-Relation", "name": "Erased-Contact" }],
        "identifiers": [{ "system": "urn:erased", "value": "Erased-Identifier" }],
    });
    let path = format!("/v1/patients/{}", clinic.patient);
    app.patch(&path).json(&record).send().await.expect(200);
    // Responses are stored under their keys.
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
    // While there is a future appointment, nothing changes.
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
        assert_eq!(left["erased"], true);
    }
    app.check_day_sheets().await;
    let remembered = app.get(&format!("{path}/accesses?consistent=true")).send().await.expect(200);
    let items = remembered.json()["items"].as_array().unwrap().clone();
    let erasures: Vec<&Value> =
        items.iter().filter(|access| access["operation"] == "erase_patient").collect();
    assert_eq!(erasures.len(), 1, "{items:?}");
    assert_eq!(erasures[0]["subject"], "test-admin");
    // The record number is free for another patient.
    let other = json!({ "name": "Other", "mrn": "ERASED-MRN" });
    app.post("/v1/patients").json(&other).send().await.expect(201);
}

#[tokio::test]
async fn an_erasure_that_was_cut_short_is_finished_by_asking_again() {
    let app = TestApp::spawn().await;
    let (clinic, _) = known_patient(&app).await;
    app.clock.advance(SignedDuration::from_hours(48));
    let erase = format!("/v1/patients/{}?mode=erase", clinic.patient);
    // The record is deleted first, after one query of merges and two of appointments to come. Then the query of all
    // appointments fails.
    app.wire.disturb_later(3, "Query", Fault::Unforeseen);
    app.delete(&erase).send().await.problem(500, "internal_error");
    assert_eq!(app.wire.waiting(), 0);
    assert_eq!(markers_left(&app).await, ["Erased-Reason", "Erased-Notes"]);
    app.delete(&erase).send().await.expect(204);
    assert_eq!(markers_left(&app).await, Vec::<&str>::new());
}

#[tokio::test]
async fn a_deleted_patient_can_be_erased_and_an_unknown_one_cannot() {
    let app = TestApp::spawn().await;
    let (clinic, visits) = known_patient(&app).await;
    app.clock.advance(SignedDuration::from_hours(48));
    let path = format!("/v1/patients/{}", clinic.patient);
    app.delete(&path).send().await.expect(204);
    // A deletion leaves the appointments unchanged, and they can be exported.
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
        "GetItem", // whether the patient was merged
        "Query",   // the merges
        "GetItem",
        "Query",
        "UpdateItem",
        "Query",
        "TransactWriteItems", // the record
        "Query",
        "UpdateItem",
        "UpdateItem", // the appointments
        "PutItem",    // the access, which exists
        "Query",      // the merges
    ];
    assert_eq!(operations, expected);
}

/// Moves a visit, and books another one by confirming a hold.
async fn move_and_confirm(app: &TestApp, clinic: &ClinicMade, visit: &str) {
    let to = json!({ "start": "2035-01-16T11:00:00" });
    app.post(&format!("{visit}/reschedule")).json(&to).send().await.expect(200);
    let held = app.held(clinic, "2035-01-16T13:00:00", 10).await;
    let confirmation = json!({
        "hold_secret": held.secret, "patient_id": clinic.patient, "notes": "Erased-Notes",
    });
    app.post(&format!("{}/confirm", held.path)).json(&confirmation).send().await.expect(200);
}

#[tokio::test]
async fn with_an_index_that_lags_all_is_exported_and_nothing_personal_is_left() {
    let app = TestApp::spawn().await;
    let (clinic, visits) = known_patient(&app).await;
    app.wire.lag_index();
    move_and_confirm(&app, &clinic, &visits[0]).await;
    let path = format!("/v1/patients/{}", clinic.patient);
    let listed = async |query: &str| {
        let list = app.get(&format!("{path}/appointments{query}")).send().await.expect(200).json();
        list["items"].as_array().unwrap().clone()
    };
    assert_eq!(listed("").await.len(), 0, "the index shows nothing");
    let consistent = listed("?consistent=true").await;
    let starts: Vec<_> = consistent.iter().map(|item| item["start"].as_str().unwrap()).collect();
    assert_eq!(
        starts,
        ["2035-01-16T11:00:00+01:00", "2035-01-16T13:00:00+01:00", "2035-01-16T15:00:00+01:00"]
    );
    let export = app.get(&format!("{path}/export")).send().await.expect(200).json();
    assert_eq!(export["appointments"], json!(consistent));
    app.clock.advance(SignedDuration::from_hours(48));
    app.delete(&format!("{path}?mode=erase")).send().await.expect(204);
    assert_eq!(markers_left(&app).await, Vec::<&str>::new());
    app.check_day_sheets().await;
}

#[tokio::test]
async fn an_erased_appointment_accepts_no_text() {
    let app = TestApp::spawn().await;
    let (clinic, visits) = known_patient(&app).await;
    app.clock.advance(SignedDuration::from_hours(48));
    app.delete(&format!("/v1/patients/{}?mode=erase", clinic.patient)).send().await.expect(204);
    let before = app.all_items().await;
    for patch in [json!({ "notes": "Erased-Notes" }), json!({ "reason": "Erased-Reason" })] {
        let refused = app.patch(&visits[0]).json(&patch).send().await;
        refused.problem(409, "appointment_erased");
    }
    let cancel = app.post(&format!("{}/cancel", visits[0]));
    let with_reason = cancel.clone().json(&json!({ "reason": "Erased-Reason" }));
    with_reason.send().await.problem(409, "appointment_erased");
    assert_eq!(app.all_items().await, before);
    app.patch(&visits[0]).json(&json!({ "notes": null })).send().await.expect(200);
    app.step(&visits[0], "confirmed").await.expect(200);
    let cancelled = cancel.send().await.expect(200).json();
    assert_eq!((&cancelled["status"], &cancelled["erased"]), (&json!("cancelled"), &json!(true)));
}

/// Each of these requests has read its data before the erasure begins, and writes after it.
#[tokio::test]
async fn no_write_that_is_under_way_leaves_a_text_behind_an_erasure() {
    let reason = json!({ "reason": "Erased-Reason" });
    let overrides = json!({ "any_hours": true, "reason": "Erased-Reason" });
    for (operation, status, code) in [
        ("PutItem", 409, "appointment_erased"),
        ("cancel", 409, "appointment_erased"),
        ("reschedule", 422, "unknown_reference"),
        ("appointments", 422, "unknown_reference"),
        ("confirm", 422, "unknown_reference"),
    ] {
        let app = TestApp::spawn().await;
        let (clinic, visits) = known_patient(&app).await;
        app.clock.advance(SignedDuration::from_hours(48));
        let held = Held::of(&app.hold(&clinic, "2035-01-18T13:00:00", 10).await.expect(201));
        let mut visit = booking(&clinic.staff, &clinic.patient, "2035-01-18T09:00:00", 30);
        visit["reason"] = reason["reason"].clone();
        let slow = match operation {
            "PutItem" => app.patch(&visits[0]).json(&json!({ "notes": "Erased-Reason" })),
            "cancel" => app.post(&format!("{}/cancel", visits[0])).json(&reason),
            "reschedule" => app
                .post(&format!("{}/reschedule", visits[0]))
                .json(&json!({ "start": "2035-01-18T09:00:00", "overrides": overrides })),
            "appointments" => app.post(&format!("{}/appointments", clinic.path)).json(&visit),
            _ => app.post(&format!("{}/confirm", held.path)).json(&json!({
                "hold_secret": held.secret, "patient_id": clinic.patient, "notes": "Erased-Notes",
            })),
        };
        let write = if operation == "PutItem" { "PutItem" } else { "TransactWriteItems" };
        let (arrived, go_on) = app.wire.pause_before(write);
        let slow = tokio::spawn(slow.send());
        arrived.await.unwrap();
        let erase = format!("/v1/patients/{}?mode=erase", clinic.patient);
        app.delete(&erase).send().await.expect(204);
        go_on.send(()).unwrap();
        slow.await.unwrap().problem(status, code);
        assert_eq!(markers_left(&app).await, Vec::<&str>::new(), "{operation}");
        app.check_day_sheets().await;
    }
}
