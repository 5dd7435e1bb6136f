//! What may be done against the rules: by whom, why, and what it leaves.

use clinic_api::http::auth::Role;
use serde_json::json;

use crate::support::{
    TestApp,
    callers::{at_clinic, principal, token},
};

#[tokio::test]
async fn overbooking_is_deliberate_marked_and_frees_nothing_but_itself() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let first = app.booked(&clinic, "2035-01-16T09:00:00").await;
    let other = app.patient().await;
    let over = |reason: &str| json!({ "patient_id": other, "overrides": { "overbook": true, "reason": reason } });
    let booked = app.book_with(&clinic, "2035-01-16T09:10:00", over("emergency")).await.expect(201);
    let path = booked.location();
    assert_eq!(
        (&booked.json()["overbooked"], &booked.json()["override_reason"]),
        (&json!(true), &json!("emergency"))
    );
    app.check_day_sheets().await;
    // It blocks others as any other does, and goes alone.
    let third = json!({ "patient_id": app.patient().await });
    app.book_with(&clinic, "2035-01-16T09:35:00", third.clone()).await.problem(409, "staff_busy");
    app.post(&format!("{path}/cancel")).send().await.expect(200);
    app.book_with(&clinic, "2035-01-16T09:10:00", third.clone()).await.problem(409, "staff_busy");
    app.book_with(&clinic, "2035-01-16T09:35:00", third).await.expect(201);
    app.post(&format!("{first}/cancel")).send().await.expect(200);
    // No reason, no override; and a hold that is not over is never passed over.
    let unsaid = json!({ "overrides": { "overbook": true } });
    assert_eq!(app.book_with(&clinic, "2035-01-16T10:00:00", unsaid).await.status, 422);
    app.held(&clinic, "2035-01-16T14:00:00", 10).await;
    app.book_with(&clinic, "2035-01-16T14:10:00", over("emergency"))
        .await
        .problem(409, "staff_busy");
    app.check_day_sheets().await;
}

#[tokio::test]
async fn who_may_override_what_is_in_the_policy() {
    let app = TestApp::spawn().await;
    let clinic = app.clinic_with_hours().await;
    let overrides = |what: &str| json!({ "overrides": { what: true, "reason": "emergency" } });
    for (role, overbook, any_hours) in [
        (Role::Admin, true, true),
        (Role::Manager, true, true),
        (Role::Clinician, true, true),
        (Role::FrontDesk, false, true),
        (Role::Service, false, false),
    ] {
        let principal = if role == Role::Service || role == Role::Admin {
            principal(role)
        } else {
            at_clinic(role, &clinic.path)
        };
        let caller = app.with_bearer(token(&principal));
        for (what, allowed, start) in [
            ("overbook", overbook, "2035-01-16T09:00:00"),
            ("any_hours", any_hours, "2035-01-16T20:00:00"),
        ] {
            let answer = caller.book_with(&clinic, start, overrides(what)).await;
            if allowed {
                let path = answer.expect(201).location();
                let moved =
                    json!({ "duration_minutes": 35, "overrides": overrides(what)["overrides"] });
                let to = caller.post(&format!("{path}/reschedule")).json(&moved);
                to.send().await.expect(200);
                app.post(&format!("{path}/cancel")).send().await.expect(200);
            } else {
                answer.problem(403, "forbidden");
            }
        }
    }
    app.check_day_sheets().await;
}
