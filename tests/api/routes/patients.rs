//! Patients.

use clinic_api::store::Key;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, records::id};

async fn with_mrn(app: &TestApp, mrn: &str) -> Answer {
    let patient = json!({ "name": "Ida Example", "mrn": mrn });
    app.post("/v1/patients").json(&patient).send().await
}

async fn found(app: &TestApp, mrn: &str) -> Vec<Value> {
    let found = app.get(&format!("/v1/patients?mrn={mrn}")).send().await.expect(200).json();
    assert_eq!(found["next_cursor"], json!(null));
    found["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_record_number_is_unique_in_its_organisation() {
    let app = TestApp::spawn().await;
    let first = with_mrn(&app, "A-1").await.expect(201);
    let taken = with_mrn(&app, "A-1").await.problem(409, "mrn_taken");
    assert_eq!(taken["errors"][0]["pointer"], "/mrn");
    assert_eq!(found(&app, "A-1").await[0]["id"], first.json()["id"]);
    let other = app.in_org("ORG-OTHER");
    assert_eq!(found(&other, "A-1").await, [] as [Value; 0]);
    with_mrn(&other, "A-1").await.expect(201);
}

#[tokio::test]
async fn a_patched_record_number_moves() {
    let app = TestApp::spawn().await;
    let path = with_mrn(&app, "A-1").await.expect(201).location();
    with_mrn(&app, "A-2").await.expect(201);
    let patch = async |mrn: Value| app.patch(&path).json(&json!({ "mrn": mrn })).send().await;
    patch(json!("A-2")).await.problem(409, "mrn_taken");
    assert_eq!(app.get(&path).send().await.json()["mrn"], "A-1");
    patch(json!("A-3")).await.expect(200);
    assert_eq!(found(&app, "A-1").await, [] as [Value; 0]);
    assert_eq!(found(&app, "A-3").await.len(), 1);
    with_mrn(&app, "A-1").await.expect(201);
    patch(json!(null)).await.expect(200);
    assert_eq!(found(&app, "A-3").await, [] as [Value; 0]);
    patch(json!("A-4")).await.expect(200);
    assert_eq!(found(&app, "A-4").await.len(), 1);
}

#[tokio::test]
async fn a_deleted_patient_frees_the_record_number() {
    let app = TestApp::spawn().await;
    let path = with_mrn(&app, "A-1").await.expect(201).location();
    app.delete(&path).send().await.expect(204);
    app.get(&path).send().await.problem(404, "not_found");
    assert!(app.all_items().await.is_empty());
    with_mrn(&app, "A-1").await.expect(201);
}

#[tokio::test]
async fn a_patient_with_appointments_to_come_is_not_deleted() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    app.booked(&clinic, "2035-02-16T09:00:00").await;
    let path = format!("/v1/patients/{}", clinic.patient);
    app.delete(&path).send().await.problem(409, "has_future_appointments");
    app.clock.advance(jiff::SignedDuration::from_hours(40 * 24));
    app.delete(&path).send().await.expect(204);
}

#[tokio::test]
async fn no_appointment_is_made_for_an_inactive_patient() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = format!("/v1/patients/{}", clinic.patient);
    app.patch(&path).json(&json!({ "active": false })).send().await.expect(200);
    app.book(&clinic, "2035-01-17T09:00:00", 30).await.problem(409, "patient_inactive");
    app.check_day_sheets().await;
}

#[tokio::test]
async fn a_search_needs_a_well_formed_record_number() {
    let app = TestApp::spawn().await;
    for query in ["", "?mrn=", "?mrn=a%23b", "?mrn=1&mrn=2"] {
        let refused = app.get(&format!("/v1/patients{query}")).send().await;
        refused.problem(400, "invalid_parameter");
    }
}

#[tokio::test]
async fn a_patients_appointments_come_from_all_clinics_by_date() {
    let app = TestApp::spawn().await;
    let here = app.ready_clinic().await;
    let mut there = app.ready_clinic().await;
    there.patient.clone_from(&here.patient);
    let second = app.booked(&here, "2035-01-17T09:00:00").await;
    let first = app.booked(&there, "2035-01-16T09:00:00").await;
    let third = app.booked(&there, "2035-01-18T09:00:00").await;
    let path = format!("/v1/patients/{}/appointments", here.patient);
    let list = async |query: &str| {
        let page = app.get(&format!("{path}{query}")).send().await.expect(200).json();
        let items = page["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let ids = |paths: &[&String]| {
        paths.iter().map(|path| path.rsplit('/').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(list("").await, ids(&[&first, &second, &third]));
    assert_eq!(list("?order=descending").await, ids(&[&third, &second, &first]));
    assert_eq!(list("?from=2035-01-17").await, ids(&[&second, &third]));
    assert_eq!(list("?to=2035-01-16").await, ids(&[&first]));
    assert_eq!(list("?from=2035-01-17&to=2035-01-17").await, ids(&[&second]));
    let nobody = format!("/v1/patients/{}/appointments", id(&with_mrn(&app, "N").await));
    assert_eq!(app.get(&nobody).send().await.expect(200).json()["items"], json!([]));
}

#[tokio::test]
async fn a_record_number_without_its_marker_can_be_removed() {
    let app = TestApp::spawn().await;
    for (mrn, gives_up) in [("A-1", "patch"), ("A-2", "delete")] {
        let path = with_mrn(&app, mrn).await.expect(201).location();
        let items = app.all_items().await;
        let marker = items.iter().find(|item| item["type"].as_s().unwrap() == "identifier");
        let marker = Key::of(marker.unwrap()).unwrap();
        let delete = app.store.client().delete_item().table_name(app.store.table());
        delete.set_key(Some(marker.attributes())).send().await.unwrap();
        match gives_up {
            "patch" => app.patch(&path).json(&json!({ "mrn": null })).send().await.expect(200),
            _ => app.delete(&path).send().await.expect(204),
        };
        with_mrn(&app, mrn).await.expect(201);
    }
}
