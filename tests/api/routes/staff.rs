//! Staff members.

use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn a_staff_member_comes_back_as_it_was_given() {
    let app = TestApp::spawn().await;
    let clinic = app.clinic().await;
    let given = json!({
        "name": "Dr. Anna Keller",
        "role": "physician",
        "specialty": "general practice",
        "working_hours": [{ "weekday": "tuesday", "from": "07:30", "to": "16:00" }],
    });
    let made = app.post(&format!("{clinic}/staff")).json(&given).send().await.expect(201);
    let read = app.get(&made.location()).send().await.expect(200);
    assert_eq!(read.json(), made.json());
    insta::assert_json_snapshot!(read.json(), { ".id" => "[id]", ".clinic_id" => "[clinic]" });
}

#[tokio::test]
async fn staff_stand_under_their_own_clinic_alone() {
    let app = TestApp::spawn().await;
    let (here, there) = (app.clinic().await, app.clinic().await);
    let staff = app.staff_member(&here).await;
    app.get(&format!("{here}/staff/{staff}")).send().await.expect(200);
    app.get(&format!("{there}/staff/{staff}")).send().await.problem(404, "not_found");
    let listed = app.get(&format!("{there}/staff")).send().await.expect(200).json();
    assert_eq!(listed, json!({ "items": [] }));
}

#[tokio::test]
async fn rules_of_staff_are_told_by_field() {
    let app = TestApp::spawn().await;
    let clinic = app.clinic().await;
    let bad = json!({ "name": "x".repeat(201), "role": "Chief Physician", "specialty": "\u{7}" });
    let refused = app.post(&format!("{clinic}/staff")).json(&bad).send().await;
    assert_eq!(refused.invalid_fields(), ["/name", "/role", "/specialty"]);
}

#[tokio::test]
async fn a_deactivated_staff_member_keeps_appointments_but_gets_no_new_ones() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let appointment = app.booked(&clinic, "2035-01-16T09:00:00").await;
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    let deactivated = app.patch(&staff).json(&json!({ "active": false })).send().await.expect(200);
    assert_eq!(deactivated.json()["active"], false);
    app.book(&clinic, "2035-01-17T09:00:00", 30).await.problem(409, "staff_inactive");
    app.step(&appointment, "confirmed").await.expect(200);
    app.patch(&staff).json(&json!({ "active": true })).send().await.expect(200);
    app.book(&clinic, "2035-01-17T09:00:00", 30).await.expect(201);
    app.check_day_sheets().await;
}

#[tokio::test]
async fn a_staff_member_with_appointments_to_come_is_not_deleted() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    let appointment = app.booked(&clinic, "2035-02-16T09:00:00").await;
    app.delete(&staff).send().await.problem(409, "has_future_appointments");
    assert_eq!(app.get(&staff).send().await.header("etag"), "\"1\"");
    app.book(&clinic, "2035-01-17T09:00:00", 30).await.expect(201);
    app.post(&format!("{appointment}/cancel")).send().await.expect(200);
    app.delete(&staff).send().await.problem(409, "has_future_appointments");
    app.clock.advance(jiff::SignedDuration::from_hours(72));
    app.delete(&staff).send().await.expect(204);
    app.get(&staff).send().await.problem(404, "not_found");
    let refused = app.book(&clinic, "2035-01-20T09:00:00", 30).await;
    assert_eq!(refused.problem(422, "unknown_reference")["errors"][0]["pointer"], "/staff_id");
}

#[tokio::test]
async fn an_appointment_that_runs_over_midnight_keeps_its_staff_member() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    // From 23:30 to 01:30 UTC; at 00:30 it is in progress.
    app.book(&clinic, "2035-01-15T23:30:00Z", 120).await.expect(201);
    app.clock.advance(jiff::SignedDuration::from_mins(16 * 60 + 30));
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    app.delete(&staff).send().await.problem(409, "has_future_appointments");
    app.clock.advance(jiff::SignedDuration::from_hours(1));
    app.delete(&staff).send().await.expect(204);
}
