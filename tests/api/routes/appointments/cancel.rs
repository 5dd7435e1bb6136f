//! `POST /v1/clinics/{clinic_id}/appointments/{appointment_id}/cancel`.

use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn a_cancelled_appointment_frees_its_time_and_stays_to_be_read() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, "2035-01-16T09:00:00").await;
    let why = json!({ "reason": "the patient is ill" });
    let cancelled = app.post(&format!("{path}/cancel")).json(&why).send().await.expect(200);
    assert_eq!(cancelled.json()["status"], "cancelled");
    assert_eq!(cancelled.json()["cancellation_reason"], "the patient is ill");
    assert_eq!(cancelled.header("etag"), "\"2\"");
    app.check_day_sheets().await;
    app.booked(&clinic, "2035-01-16T09:00:00").await;
    let again = app.post(&format!("{path}/cancel")).send().await.problem(409, "invalid_transition");
    assert_eq!(again["current_status"], "cancelled");
    app.check_day_sheets().await;
}
