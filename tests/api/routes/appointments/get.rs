//! `GET /v1/clinics/{clinic_id}/appointments/{appointment_id}`.

use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn a_moved_appointment_is_found_under_its_id_as_long_as_there_is_one() {
    let app = TestApp::spawn().await;
    let (_, path) = app.clinic_with_booking().await;
    for (start, etag) in [("2035-01-16T10:00:00", "\"2\""), ("2035-01-20T09:00:00", "\"3\"")] {
        let to = json!({ "start": start });
        app.post(&format!("{path}/reschedule")).json(&to).send().await.expect(200);
        assert_eq!(app.get(&path).send().await.expect(200).header("etag"), etag);
    }
    app.step(&path, "confirmed").await.expect(200);
    app.patch(&path).json(&json!({ "notes": "moved" })).send().await.expect(200);
    let cancelled = app.post(&format!("{path}/cancel")).send().await.expect(200).json();
    assert_eq!((&cancelled["status"], &cancelled["notes"]), (&json!("cancelled"), &json!("moved")));
    app.delete(&path).send().await.expect(204);
    app.get(&path).send().await.problem(404, "not_found");
    // Its link is deleted with it, and the tombstone stays.
    let beside = app
        .all_items()
        .await
        .into_iter()
        .filter(|item| item["PK"].as_s().unwrap().starts_with("APPT#"));
    let beside: Vec<_> = beside.map(|item| item["type"].as_s().unwrap().clone()).collect();
    assert_eq!(beside, ["deleted_appointment"]);
}
