//! `DELETE /v1/clinics/{clinic_id}/appointments/{appointment_id}`.

use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn a_deleted_appointment_is_gone_and_frees_its_time() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, "2035-01-16T09:00:00").await;
    app.delete(&path).send().await.expect(204);
    app.get(&path).send().await.problem(404, "not_found");
    app.delete(&path).send().await.problem(404, "not_found");
    let kinds: Vec<_> =
        app.all_items().await.iter().map(|item| item["type"].as_s().unwrap().clone()).collect();
    assert_eq!(kinds.iter().filter(|kind| *kind == "deleted_appointment").count(), 1);
    app.booked(&clinic, "2035-01-16T09:00:00").await;
    app.check_day_sheets().await;
}

#[tokio::test]
async fn deleting_a_cancelled_appointment_frees_nobody_elses_time() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, "2035-01-16T09:00:00").await;
    app.post(&format!("{path}/cancel")).send().await.expect(200);
    app.booked(&clinic, "2035-01-16T09:00:00").await;
    app.delete(&path).send().await.expect(204);
    app.check_day_sheets().await;
    app.book(&clinic, "2035-01-16T09:00:00", 30).await.problem(409, "staff_busy");
}

/// A moved appointment is found by its id for as long as it exists. Its pointer is deleted with it.
#[tokio::test]
async fn a_pointer_lives_as_long_as_its_appointment() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, "2035-01-16T09:00:00").await;
    let pointers = async || {
        let items = app.all_items().await.into_iter();
        items.filter(|item| item["type"].as_s().unwrap() == "moved_appointment").collect::<Vec<_>>()
    };
    // There and back: the pointer also exists when the id itself names the right date.
    for date in ["2035-01-17", "2035-01-16", "2035-01-18", "2035-01-16"] {
        let to = json!({ "start": format!("{date}T09:00:00") });
        app.post(&format!("{path}/reschedule")).json(&to).send().await.expect(200);
        let found = pointers().await;
        assert_eq!(found.len(), 1);
        assert!(!found[0].contains_key("expires_at"), "TTL would delete it");
    }
    app.get(&path).send().await.expect(200);
    app.delete(&path).send().await.expect(204);
    assert_eq!(pointers().await, []);
    app.get(&path).send().await.problem(404, "not_found");
    app.delete(&path).send().await.problem(404, "not_found");
}
