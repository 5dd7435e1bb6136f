//! `PATCH /v1/clinics/{clinic_id}/appointments/{appointment_id}`.

use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn reason_and_notes_can_be_patched_and_nothing_else() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, "2035-01-16T09:00:00").await;
    let patched = app.patch(&path).json(&json!({ "notes": "fasting" })).send().await.expect(200);
    assert_eq!(patched.json()["notes"], "fasting");
    let patched = app
        .patch(&path)
        .json(&json!({ "notes": null, "reason": "blood" }))
        .send()
        .await
        .expect(200);
    assert_eq!((patched.json().get("notes"), &patched.json()["reason"]), (None, &json!("blood")));
    for fixed in ["start", "status", "staff_id", "id"] {
        let refused = app.patch(&path).json(&json!({ fixed: "x" })).send().await;
        assert_eq!(refused.invalid_fields(), [format!("/{fixed}")]);
    }
    app.check_day_sheets().await;
}
