//! Refusals name what conflicts with the request, and what to do instead.

use jiff::SignedDuration;
use serde_json::json;

use crate::support::TestApp;

const START: &str = "2035-01-16T09:00:00";

#[tokio::test]
async fn a_closed_clinic_is_named_and_not_its_staff() {
    let app = TestApp::spawn().await;
    let clinic = app.clinic_with_hours().await;
    let closed = json!({ "type": "clinic", "id": clinic.path.rsplit('/').next().unwrap() });
    let blocking = async |start: &str| {
        let answer = app.book_with(&clinic, start, json!({})).await;
        answer.problem(409, "outside_working_hours")["blocking"].clone()
    };
    // On Sundays and after closing time the weekly hours close the clinic, then an exception does.
    assert_eq!(blocking("2035-01-21T09:00:00").await, closed);
    app.closed(&clinic.path, "2035-01-16", "2035-01-16").await;
    assert_eq!(blocking(START).await, closed);
    // The clinic is open, and the staff member does not work.
    let staff = json!({
        "first_date": "2035-01-23", "effect": "closed", "staff_id": clinic.staff
    });
    app.post(&format!("{}/exceptions", clinic.path)).json(&staff).send().await.expect(201);
    let of_staff = json!({ "type": "staff", "id": clinic.staff });
    assert_eq!(blocking("2035-01-23T09:00:00").await, of_staff);
}

#[tokio::test]
async fn a_conflicting_hold_is_reported_with_its_expiry() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    app.held(&clinic, START, 10).await;
    // Five seconds for clock differences are included.
    let until = "2035-01-15T09:10:06+01:00";
    let held = json!({ "type": "staff", "id": clinic.staff, "held_until": until });
    for more in [json!({}), json!({ "overrides": { "overbook": true, "reason": "emergency" } })] {
        let problem = app.book_with(&clinic, START, more).await.problem(409, "staff_busy");
        assert_eq!(problem["blocking"], held);
        assert!(problem["detail"].as_str().unwrap().contains(until), "{problem}");
    }
    // Next to a conflicting appointment, the end of a hold would not help.
    app.book_with(&clinic, "2035-01-16T09:30:00", json!({})).await.expect(201);
    let other = json!({ "patient_id": app.patient().await });
    let both = app
        .book_with(&clinic, "2035-01-16T09:15:00", other.clone())
        .await
        .problem(409, "staff_busy");
    assert_eq!(both["blocking"], json!({ "type": "staff", "id": clinic.staff }));
    app.clock.advance(SignedDuration::from_secs(605));
    app.book_with(&clinic, START, other.clone()).await.problem(409, "staff_busy");
    app.clock.advance(SignedDuration::from_secs(1));
    app.book_with(&clinic, START, other).await.expect(201);
    app.check_day_sheets().await;
}

#[tokio::test]
async fn a_patch_of_what_it_does_not_change_leads_to_where_that_is_changed() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let visit = app.booked(&clinic, START).await;
    for (member, leads_to) in [
        ("start", "/reschedule"),
        ("duration_minutes", "/reschedule"),
        ("staff_id", "/reschedule"),
        ("resource_ids", "/reschedule"),
        ("status", "/status"),
        ("status", "/cancel"),
        ("cancellation_reason", "/cancel"),
        ("patient_id", "book another"),
        ("visit_type_id", "book another"),
    ] {
        let refused = app.patch(&visit).json(&json!({ member: "x" })).send().await;
        let problem = refused.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["pointer"], format!("/{member}"));
        assert!(problem["detail"].as_str().unwrap().contains(leads_to), "{member}: {problem}");
    }
}

#[tokio::test]
async fn a_day_may_end_at_24_and_a_span_over_midnight_is_told_to_be_two() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    let span = |from: &str, to: &str| json!({ "weekday": "tuesday", "from": from, "to": to });
    let night = json!({ "working_hours": [span("08:00", "12:00"), span("20:00", "24:00")] });
    let kept = app.patch(&staff).json(&night).send().await.expect(200).json();
    assert_eq!(kept["working_hours"][1], span("20:00", "00:00"));
    app.booked(&clinic, "2035-01-16T23:30:00").await;
    let over = json!({ "working_hours": [span("08:00", "12:00"), span("20:00", "06:00")] });
    let problem = app.patch(&staff).json(&over).send().await.problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["pointer"], "/working_hours/1/to");
    let detail = problem["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("over midnight as two"), "{detail}");
    let begins = json!({ "working_hours": [span("24:00", "24:00")] });
    let refused = app.patch(&staff).json(&begins).send().await;
    assert_eq!(refused.invalid_fields(), ["/working_hours/0/from"]);
}

#[tokio::test]
async fn an_exception_without_a_last_date_is_for_one_day() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = format!("{}/exceptions", clinic.path);
    let evening =
        json!({ "first_date": "2035-01-16", "effect": "closed", "from": "18:00", "to": "24:00" });
    let made = app.post(&path).json(&evening).idempotent("1").send().await.expect(201);
    let shown = made.json();
    assert_eq!((&shown["last_date"], &shown["to"]), (&json!("2035-01-16"), &json!("00:00")));
    assert_eq!(app.get(&made.location()).send().await.expect(200).json(), shown);
    let mut whole = evening.clone();
    whole["last_date"] = json!("2035-01-16");
    whole["to"] = json!("00:00");
    let again = app.post(&path).json(&whole).idempotent("1").send().await.expect(201);
    assert_eq!(again.location(), made.location(), "the same command");
    app.book(&clinic, "2035-01-16T23:30:00", 30).await.problem(409, "outside_working_hours");
    app.booked(&clinic, "2035-01-17T00:00:00").await;
    let mut night = evening;
    night["to"] = json!("06:00");
    let problem = app.post(&path).json(&night).send().await.problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["pointer"], "/to");
    assert!(problem["errors"][0]["detail"].as_str().unwrap().contains("over midnight as two"));
}
