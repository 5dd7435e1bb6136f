//! Overrides: who may use them, their reason, and their effect.

use clinic_api::{http::auth::Role, scheduling::model::MAX_ENTRIES};
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
    // It blocks later bookings like any other, and is freed alone.
    let third = json!({ "patient_id": app.patient().await });
    app.book_with(&clinic, "2035-01-16T09:35:00", third.clone()).await.problem(409, "staff_busy");
    app.post(&format!("{path}/cancel")).send().await.expect(200);
    app.book_with(&clinic, "2035-01-16T09:10:00", third.clone()).await.problem(409, "staff_busy");
    app.book_with(&clinic, "2035-01-16T09:35:00", third).await.expect(201);
    app.post(&format!("{first}/cancel")).send().await.expect(200);
    // An override needs a reason, and a hold that has not expired is never overridden.
    for unclear in [
        json!({ "overbook": true }),
        json!({ "overbook": true, "reason": " " }),
        json!({ "overbook": true, "reason": "two\nlines" }),
        json!({ "reason": "nothing is overridden" }),
    ] {
        let body = json!({ "overrides": unclear });
        let refused = app.book_with(&clinic, "2035-01-16T10:00:00", body).await;
        refused.problem(422, "validation_failed");
    }
    app.held(&clinic, "2035-01-16T14:00:00", 10).await;
    app.book_with(&clinic, "2035-01-16T14:10:00", over("emergency"))
        .await
        .problem(409, "staff_busy");
    app.check_day_sheets().await;
}

#[tokio::test]
async fn a_day_takes_no_more_than_400_entries_however_they_are_booked() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let first = app.booked(&clinic, "2035-01-16T09:00:00").await;
    app.fill_sheets(&clinic.staff, MAX_ENTRIES - 1).await;
    let over = || json!({ "overrides": { "overbook": true, "reason": "emergency" } });
    let last = app.book_with(&clinic, "2035-01-16T09:10:00", over()).await.expect(201).location();
    for more in [over(), json!({})] {
        let refused = app.book_with(&clinic, "2035-01-16T15:00:00", more).await;
        let problem = refused.problem(409, "day_full");
        assert_eq!(problem["blocking"], json!({ "type": "staff", "id": clinic.staff }));
        // In Zurich, the first hour of the day belongs to the previous UTC day.
        let nearest = ["00:30", "00:15", "00:00"].map(|at| format!("2035-01-16T{at}:00+01:00"));
        assert_eq!(problem["nearest_free"], json!(nearest));
    }
    let free = "availability?duration_minutes=30&from=2035-01-16&to=2035-01-16";
    let free = app.get(&format!("{}/{free}", clinic.path)).send().await.expect(200).json();
    let free = free["slots"].as_array().unwrap().iter();
    assert!(free.clone().all(|slot| slot["end"].as_str() <= Some("2035-01-16T01:00:00+01:00")));
    assert_eq!(free.count(), 3);
    // An existing appointment can be moved within the full day and out of it. Its time is then free.
    for start in ["2035-01-16T16:00:00", "2035-01-17T09:00:00"] {
        let to = json!({ "start": start });
        app.post(&format!("{last}/reschedule")).json(&to).send().await.expect(200);
    }
    app.booked(&clinic, "2035-01-16T15:00:00").await;
    app.post(&format!("{first}/cancel")).send().await.expect(200);
    app.booked(&clinic, "2035-01-16T11:00:00").await;
    app.book(&clinic, "2035-01-16T13:00:00", 30).await.problem(409, "day_full");
    // The next day is another sheet.
    app.booked(&clinic, "2035-01-17T15:00:00").await;
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
