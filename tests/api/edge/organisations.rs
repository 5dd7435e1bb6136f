//! Isolation of organisations: a record of one does not exist for another.

use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn another_organisation_sees_none_of_it() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let appointment = app.booked(&clinic, "2035-01-16T09:00:00").await;
    let other = app.in_org("ORG-OTHER");
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    let patient = format!("/v1/patients/{}", clinic.patient);
    for path in [&clinic.path, &staff, &patient, &appointment] {
        let unseen = other.get(path).send().await.problem(404, "not_found");
        let missing = other.get(&missing(path)).send().await.problem(404, "not_found");
        assert_eq!(unseen["detail"], missing["detail"], "{path}");
        other.patch(path).json(&json!({})).send().await.problem(404, "not_found");
        other.delete(path).send().await.problem(404, "not_found");
    }
    for list in ["staff", "appointments", "overview"] {
        other.get(&format!("{}/{list}", clinic.path)).send().await.problem(404, "not_found");
    }
    other.get(&format!("{patient}/appointments")).send().await.problem(404, "not_found");
    other.step(&appointment, "confirmed").await.problem(404, "not_found");
    other.post(&format!("{appointment}/cancel")).send().await.problem(404, "not_found");
    other.book(&clinic, "2035-01-18T09:00:00", 30).await.problem(404, "not_found");
    assert_eq!(other.get("/v1/clinics").send().await.json()["items"], json!([]));
    assert_eq!(app.get(&appointment).send().await.json()["status"], "scheduled");
}

/// The path of a record that does not exist: the same with another last character of the id.
fn missing(path: &str) -> String {
    let (rest, last) = path.split_at(path.len() - 1);
    format!("{rest}{}", if last == "0" { "1" } else { "0" })
}

#[tokio::test]
async fn staff_and_patients_of_another_organisation_can_not_be_booked() {
    let app = TestApp::spawn().await;
    let theirs = app.ready_clinic().await;
    let other = app.in_org("ORG-OTHER");
    let mut mixed = other.ready_clinic().await;
    let (own_staff, own_patient) = (mixed.staff.clone(), mixed.patient.clone());
    mixed.staff.clone_from(&theirs.staff);
    let refused = other.book(&mixed, "2035-01-18T09:00:00", 30).await;
    assert_eq!(refused.problem(422, "unknown_reference")["errors"][0]["pointer"], "/staff_id");
    mixed.staff = own_staff;
    mixed.patient.clone_from(&theirs.patient);
    let refused = other.book(&mixed, "2035-01-18T09:00:00", 30).await;
    assert_eq!(refused.problem(422, "unknown_reference")["errors"][0]["pointer"], "/patient_id");
    mixed.patient = own_patient;
    other.book(&mixed, "2035-01-18T09:00:00", 30).await.expect(201);
}
