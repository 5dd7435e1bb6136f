//! The audit log, as the processor of the stream writes it.

use serde_json::{Value, json};

use crate::support::TestApp;

const START: &str = "2035-01-16T09:00:00";

fn told(page: &Value) -> Vec<(String, String)> {
    let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| (text(item, "record_type"), text(item, "action"))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[tokio::test]
async fn every_change_is_listed_once_with_names_and_without_values() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let appointment = app.booked(&clinic, START).await;
    app.clock.advance(jiff::SignedDuration::from_secs(1));
    let notes = json!({ "notes": "Secret note" });
    app.patch(&appointment).json(&notes).send().await.expect(200);
    let patient = format!("/v1/patients/{}", clinic.patient);
    app.patch(&patient).json(&json!({ "name": "Secret Name" })).send().await.expect(200);
    for _ in 0..3 {
        app.process_changes().await;
    }
    let of_appointment = app.get(&format!("{appointment}/audit")).send().await.expect(200).json();
    assert_eq!(
        told(&of_appointment),
        pairs(&[("appointment", "update"), ("appointment", "create")])
    );
    let latest = &of_appointment["items"][0];
    assert_eq!((&latest["changed"], &latest["subject"]), (&json!(["notes"]), &json!("test-admin")));
    assert_eq!((&latest["rev"], &latest["recorded"]), (&json!(2), &json!("2035-01-15T08:00:01Z")));
    let of_patient = app.get(&format!("{patient}/audit")).send().await.expect(200).json();
    assert_eq!(told(&of_patient), pairs(&[("patient", "update"), ("patient", "create")]));
    let at_clinic = app.get(&format!("{}/audit", clinic.path)).send().await.expect(200).json();
    let mut kinds = told(&at_clinic);
    assert_eq!(kinds.remove(0), ("appointment".to_owned(), "update".to_owned()));
    kinds.sort();
    assert_eq!(
        kinds,
        pairs(&[("appointment", "create"), ("clinic", "create"), ("staff", "create")])
    );
    for page in [of_appointment, of_patient, at_clinic] {
        assert!(!page.to_string().contains("Secret"), "{page}");
    }
}

#[tokio::test]
async fn all_that_is_of_a_clinic_is_in_its_trail_also_what_is_deleted() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let resource = format!("{}/resources/{}", clinic.path, app.resource(&clinic.path).await);
    let visit_type = format!("{}/visit-types/{}", clinic.path, app.visit_type(&clinic.path).await);
    let closed =
        json!({ "effect": "closed", "first_date": "2035-02-01", "last_date": "2035-02-01" });
    let exceptions = format!("{}/exceptions", clinic.path);
    let exception = app.post(&exceptions).json(&closed).send().await.expect(201).location();
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    app.clock.advance(jiff::SignedDuration::from_secs(60));
    for path in [&resource, &visit_type, &exception, &staff] {
        app.delete(path).send().await.expect(204);
    }
    app.process_changes().await;
    let page = app.get(&format!("{}/audit?limit=100", clinic.path)).send().await.expect(200).json();
    let mut deleted: Vec<_> =
        told(&page).into_iter().filter(|(_, what)| what == "delete").collect();
    deleted.sort();
    let expected = ["exception", "resource", "staff", "visit_type"];
    assert_eq!(deleted, pairs(&expected.map(|kind| (kind, "delete"))));
    assert_eq!(told(&page).len(), 9);
    app.delete(&clinic.path).send().await.expect(204);
    let later = app.get(&format!("{}/audit?from=2035-06-01T00:00:00Z", clinic.path)).send().await;
    assert_eq!(later.expect(200).json()["items"], json!([]), "it is known, though it is gone");
    assert!(page["items"].as_array().unwrap().iter().all(|item| item["subject"] == "test-admin"));
}

#[tokio::test]
async fn a_trail_is_asked_for_by_time_page_by_page() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let patient = format!("/v1/patients/{}", clinic.patient);
    for name in ["A", "B", "C"] {
        app.clock.advance(jiff::SignedDuration::from_secs(60));
        app.patch(&patient).json(&json!({ "name": name })).send().await.expect(200);
    }
    app.process_changes().await;
    let get = async |query: &str| {
        let page = app.get(&format!("{patient}/audit?{query}")).send().await.expect(200).json();
        let items = page["items"].as_array().unwrap().clone();
        (items.iter().map(|item| item["rev"].as_u64().unwrap()).collect::<Vec<_>>(), page)
    };
    assert_eq!(get("").await.0, [4, 3, 2, 1]);
    assert_eq!(get("from=2035-01-15T08:01:00Z&to=2035-01-15T08:02:00Z").await.0, [3, 2]);
    assert_eq!(get("from=2035-01-15T08:02:30Z").await.0, [4]);
    let (first, page) = get("limit=3").await;
    let (second, _) =
        get(&format!("limit=3&cursor={}", page["next_cursor"].as_str().unwrap())).await;
    assert_eq!((first, second), (vec![4, 3, 2], vec![1]));
    for wrong in ["from=2035-01-16T00:00:00Z&to=2035-01-15T00:00:00Z", "from=yesterday", "limit=0"]
    {
        app.get(&format!("{patient}/audit?{wrong}")).send().await.problem(400, "invalid_parameter");
    }
}

#[tokio::test]
async fn the_trail_of_what_is_not_there_or_anothers_is_404_and_that_of_what_was_deleted_stays() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let appointment = app.booked(&clinic, START).await;
    app.delete(&appointment).send().await.expect(204);
    let patient = format!("/v1/patients/{}", clinic.patient);
    app.delete(&patient).send().await.expect(204);
    app.process_changes().await;
    for path in [&appointment, &patient, &clinic.path] {
        app.get(&format!("{path}/audit")).send().await.expect(200);
        app.in_org("ORG-OTHER")
            .get(&format!("{path}/audit"))
            .send()
            .await
            .problem(404, "not_found");
    }
    let elsewhere = app.clinic().await;
    let id = appointment.rsplit('/').next().unwrap();
    let foreign = format!("{elsewhere}/appointments/{id}/audit");
    app.get(&foreign).send().await.problem(404, "not_found");
    let nobody = "/v1/patients/PAT-000000000000000000000000/audit";
    app.get(nobody).send().await.problem(404, "not_found");
}
