//! What may be done against the rules: by whom, why, and what it leaves.

use aws_sdk_dynamodb::types::AttributeValue::{Bool, M, N};
use clinic_api::{http::auth::Role, id::AppointmentId, scheduling::model::MAX_ENTRIES};
use jiff::civil::date;
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

/// Fills the staff member's sheets with overbooked entries of others, up to this number.
async fn fill_sheets(app: &TestApp, staff: &str, number: usize) {
    for mut item in app.all_items().await {
        if item["type"].as_s().unwrap() == "day_sheet"
            && item.get("staff_id").is_some_and(|id| id.as_s().unwrap() == staff)
        {
            let Some(M(entries)) = item.get_mut("entries") else { panic!("{item:?}") };
            let entry = || {
                let entry =
                    [("start", N("2052550800".to_owned())), ("end", N("2052552600".to_owned()))];
                let entry = entry.into_iter().chain([("overbooked", Bool(true))]);
                M(entry.map(|(name, value)| (name.to_owned(), value)).collect())
            };
            while entries.len() < number {
                let at = "2035-01-16T09:00:00Z".parse().unwrap();
                entries
                    .insert(AppointmentId::random_at(at, date(2035, 1, 16)).to_string(), entry());
            }
            app.put_item(item).await;
        }
    }
}

#[tokio::test]
async fn a_day_takes_no_more_than_400_entries_however_they_are_booked() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let first = app.booked(&clinic, "2035-01-16T09:00:00").await;
    fill_sheets(&app, &clinic.staff, MAX_ENTRIES - 1).await;
    let over = || json!({ "overrides": { "overbook": true, "reason": "emergency" } });
    let last = app.book_with(&clinic, "2035-01-16T09:10:00", over()).await.expect(201).location();
    for more in [over(), json!({})] {
        let refused = app.book_with(&clinic, "2035-01-16T15:00:00", more).await;
        let problem = refused.problem(409, "day_full");
        assert_eq!(problem["blocking"], json!({ "type": "staff", "id": clinic.staff }));
        assert_eq!(problem["nearest_free"], json!([]));
    }
    // In Zurich, the day's first hour is of the UTC day before.
    let free = "availability?duration_minutes=30&from=2035-01-16&to=2035-01-16";
    let free = app.get(&format!("{}/{free}", clinic.path)).send().await.expect(200).json();
    let free = free["slots"].as_array().unwrap().iter();
    assert!(free.clone().all(|slot| slot["end"].as_str() <= Some("2035-01-16T01:00:00+01:00")));
    assert_eq!(free.count(), 3);
    // What is there can be moved within the day and leave it; its place is then free.
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
