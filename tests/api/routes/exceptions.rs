//! `POST /v1/clinics/{clinic_id}/exceptions`.

use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn exceptions_that_make_no_sense_are_refused_by_the_member_that_is_wrong() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = format!("{}/exceptions", clinic.path);
    let good = json!({ "first_date": "2035-01-17", "last_date": "2035-01-18", "effect": "closed" });
    let (staff, room) = (clinic.staff.clone(), app.resource(&clinic.path).await);
    for (more, field) in [
        (json!({ "last_date": "2035-01-16" }), "/last_date"),
        (json!({ "last_date": "2036-01-18" }), "/last_date"),
        (json!({ "first_date": "2034-01-17", "last_date": "2034-01-18" }), "/last_date"),
        (json!({ "effect": "open" }), "/from"),
        (json!({ "from": "09:00" }), "/to"),
        (json!({ "to": "09:00" }), "/from"),
        (json!({ "from": "09:00", "to": "09:00" }), "/to"),
        (json!({ "staff_id": staff, "resource_id": room }), "/resource_id"),
        (json!({ "effect": "maybe" }), "/effect"),
        (json!({ "first_date": "2035-02-29" }), "/first_date"),
    ] {
        let mut body = good.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = app.post(&path).json(&body).send().await;
        assert_eq!(answer.invalid_fields(), [field], "{more}");
    }
    let mut unknown = good;
    unknown["staff_id"] = json!("STF-000000000000000000000000");
    app.post(&path).json(&unknown).send().await.problem(422, "unknown_reference");
    let listed = app.get(&path).send().await.json();
    assert_eq!(listed["items"], json!([]));
}
