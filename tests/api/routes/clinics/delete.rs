//! `DELETE /v1/clinics/{clinic_id}`, and what stays after it.

use std::collections::BTreeMap;

use clinic_api::store::Item;
use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn a_clinic_with_staff_is_not_deleted_and_stays_as_it_was() {
    let app = TestApp::spawn().await;
    let path = app.clinic().await;
    let staff = app.staff_member(&path).await;
    let before = app.all_items().await;
    app.delete(&path).send().await.problem(409, "clinic_has_staff");
    assert_eq!(sorted(app.all_items().await), sorted(before), "a refusal changes nothing");
    app.delete(&format!("{path}/staff/{staff}")).send().await.expect(204);
    app.delete(&path).send().await.expect(204);
    app.get(&path).send().await.problem(404, "not_found");
    app.delete(&path).send().await.problem(404, "not_found");
    assert!(app.all_items().await.is_empty());
}

fn sorted(items: Vec<Item>) -> Vec<String> {
    let text = |item: Item| {
        let attributes: BTreeMap<_, _> = item.into_iter().collect();
        format!("{attributes:?}")
    };
    let mut items: Vec<_> = items.into_iter().map(text).collect();
    items.sort();
    items
}

#[tokio::test]
async fn nothing_is_made_under_a_deleted_clinic() {
    let app = TestApp::spawn().await;
    let path = app.clinic().await;
    app.delete(&path).send().await.expect(204);
    let staff = json!({ "name": "Dr. Keller", "role": "physician" });
    let refused = app.post(&format!("{path}/staff")).json(&staff).send().await;
    refused.problem(404, "not_found");
    for list in ["staff", "appointments", "overview"] {
        app.get(&format!("{path}/{list}")).send().await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn nothing_is_booked_at_a_deleted_clinic_whose_time_zone_is_remembered() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let appointment = app.booked(&clinic, "2035-01-16T09:00:00").await;
    app.delete(&appointment).send().await.expect(204);
    app.delete(&format!("{}/staff/{}", clinic.path, clinic.staff)).send().await.expect(204);
    app.delete(&clinic.path).send().await.expect(204);
    app.book(&clinic, "2035-01-16T09:00:00", 30).await.problem(404, "not_found");
}

#[tokio::test]
async fn what_took_place_stays_to_be_read_when_clinic_and_patient_are_gone() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let appointment = app.booked(&clinic, "2035-01-16T09:00:00").await;
    app.clock.advance(jiff::SignedDuration::from_hours(48));
    app.delete(&format!("{}/staff/{}", clinic.path, clinic.staff)).send().await.expect(204);
    app.delete(&clinic.path).send().await.expect(204);
    let patient = format!("/v1/patients/{}", clinic.patient);
    app.delete(&patient).send().await.expect(204);
    let kept = app.get(&appointment).send().await.expect(200).json();
    for list in [format!("{}/appointments", clinic.path), format!("{patient}/appointments")] {
        assert_eq!(app.get(&list).send().await.expect(200).json()["items"], json!([kept]));
    }
    for gone in [clinic.path.clone(), format!("{}/overview", clinic.path), patient] {
        app.get(&gone).send().await.problem(404, "not_found");
    }
}
