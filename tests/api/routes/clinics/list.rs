//! `GET /v1/clinics` and `GET /v1/clinics/{clinic_id}/overview`.

use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn clinics_are_listed_the_newest_first() {
    let app = TestApp::spawn().await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(app.clinic().await);
        app.clock.advance(jiff::SignedDuration::from_millis(1));
    }
    let listed = app.get("/v1/clinics").send().await.expect(200).json();
    let ids = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|clinic| format!("/v1/clinics/{}", clinic["id"].as_str().unwrap()));
    made.reverse();
    assert_eq!(ids.collect::<Vec<_>>(), made);
    assert_eq!(listed["next_cursor"], json!(null));
}

#[tokio::test]
async fn the_overview_has_the_clinic_its_staff_and_its_appointments_the_latest_first() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let first = app.booked(&clinic, "2035-01-16T09:00:00").await;
    let second = app.booked(&clinic, "2035-01-17T09:00:00").await;
    let overview = app.get(&format!("{}/overview", clinic.path)).send().await.expect(200).json();
    assert_eq!(overview["clinic"], app.get(&clinic.path).send().await.json());
    assert_eq!(overview["staff"][0]["id"], clinic.staff.as_str());
    let appointments = overview["appointments"].as_array().unwrap();
    assert_eq!(appointments.len(), 2);
    assert_eq!(appointments[0], app.get(&second).send().await.json());
    assert_eq!(appointments[1], app.get(&first).send().await.json());
    assert_eq!(overview["next_cursor"], json!(null));
}
