//! Every allowed status change of an appointment, and every one that is refused.

use clinic_api::time::Clock as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::support::{ClinicMade, TestApp};

/// Each status with the changes that lead to it after booking. `cancelled` has its own operation; holds end in other ways.
const WAYS: [(&str, &[&str]); 6] = [
    ("scheduled", &[]),
    ("confirmed", &["confirmed"]),
    ("checked_in", &["confirmed", "checked_in"]),
    ("completed", &["confirmed", "checked_in", "completed"]),
    ("no_show", &["no_show"]),
    ("cancelled", &["cancel"]),
];

/// The allowed changes from each status.
const STEPS: [(&str, &[&str]); 6] = [
    ("scheduled", &["confirmed", "checked_in", "no_show", "cancelled"]),
    ("confirmed", &["checked_in", "no_show", "cancelled"]),
    ("checked_in", &["completed", "scheduled"]),
    ("completed", &["checked_in"]),
    ("no_show", &["checked_in"]),
    ("cancelled", &[]),
];

/// On the day of the test's clock.
const START: &str = "2035-01-15T16:00:00";

async fn go(app: &TestApp, path: &str, step: &str, key: Option<&str>) -> crate::support::Answer {
    let call = match step {
        "cancel" | "cancelled" => app.post(&format!("{path}/cancel")),
        status => app.post(&format!("{path}/status")).json(&json!({ "status": status })),
    };
    match key {
        Some(key) => call.idempotent(key).send().await,
        None => call.send().await,
    }
}

#[tokio::test]
async fn every_step_is_taken_or_refused_as_the_life_says() {
    let app = TestApp::spawn().await;
    let mut clinic = app.ready_clinic().await;
    for (row, (from, way)) in WAYS.into_iter().enumerate() {
        for (column, (to, _)) in WAYS.into_iter().enumerate() {
            // With an `Idempotency-Key` the change is a transaction, without one a single write.
            for key in [None, Some(format!("{row}-{column}"))] {
                clinic.patient = app.patient().await;
                clinic.staff = app.staff_member(&clinic.path).await;
                let path = app.booked(&clinic, START).await;
                for step in way {
                    go(&app, &path, step, None).await.expect(200);
                }
                let answer = go(&app, &path, to, key.as_deref()).await;
                let (_, allowed) = STEPS[row];
                if allowed.contains(&to) {
                    assert_eq!(answer.expect(200).json()["status"], to);
                } else {
                    let refused = answer.problem(409, "invalid_transition");
                    assert_eq!(refused["current_status"], from, "{from} to {to}");
                    assert_eq!(refused["allowed"], json!(allowed), "{from} to {to}");
                    let detail = refused["detail"].as_str().unwrap();
                    assert!(allowed.iter().all(|step| detail.contains(step)), "{detail}");
                    let now = app.get(&path).send().await.json();
                    assert_eq!(now["status"], from);
                }
            }
        }
    }
    app.check_day_sheets().await;
}

/// Outcomes are accepted from the first instant of the visit's day in the clinic's local time.
#[tokio::test]
async fn outcomes_are_refused_before_the_visits_day() {
    for (zone, day_begins) in [
        ("Pacific/Auckland", "2035-01-16T00:00:00+13:00"),
        ("Europe/Zurich", "2035-01-16T00:00:00+01:00"),
        ("America/Los_Angeles", "2035-01-16T00:00:00-08:00"),
    ] {
        let app = TestApp::spawn().await;
        let path = app.clinic_in(zone).await;
        let staff = app.staff_member(&path).await;
        let clinic = ClinicMade { path, staff, patient: app.patient().await };
        let visits = [
            app.booked(&clinic, "2035-01-16T09:00:00").await,
            app.booked(&clinic, "2035-01-16T10:00:00").await,
        ];
        let refused = async |status: &str| {
            for (visit, key) in visits.iter().zip([None, Some(status)]) {
                let problem = go(&app, visit, status, key).await.problem(409, "before_visit_day");
                assert_eq!(problem["allowed_from"], day_begins);
                assert!(problem["detail"].as_str().unwrap().contains(day_begins));
            }
        };
        refused("checked_in").await;
        refused("no_show").await;
        let moment = SignedDuration::from_millis(1);
        let day = day_begins.parse::<Timestamp>().unwrap();
        app.clock.advance(day.duration_since(app.clock.now()) - moment);
        refused("checked_in").await;
        app.clock.advance(moment);
        go(&app, &visits[0], "checked_in", None).await.expect(200);
        go(&app, &visits[0], "completed", None).await.expect(200);
        go(&app, &visits[1], "no_show", Some("k")).await.expect(200);
        app.check_day_sheets().await;
    }
}

/// A late patient, a wrong outcome, a wrong check-in: each is undone, and the slot stays occupied.
#[tokio::test]
async fn every_outcome_is_taken_back_and_the_time_stays_taken() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, START).await;
    let mut other = clinic.clone();
    other.patient = app.patient().await;
    let minute = SignedDuration::from_mins(1);
    let mut arrived = None;
    for step in ["no_show", "checked_in", "completed", "checked_in", "scheduled", "checked_in"] {
        app.clock.advance(minute);
        let now = json!(app.clock.now());
        let answer = go(&app, &path, step, None).await.expect(200).json();
        arrived = match step {
            // Once the patient has checked in, the time stays until the check-in is undone.
            "checked_in" => arrived.or(Some(now)),
            "scheduled" => None,
            _ => arrived,
        };
        assert_eq!(answer.get("checked_in_at"), arrived.as_ref(), "{step}");
        assert_eq!(app.get(&path).send().await.json(), answer);
        app.check_day_sheets().await;
        app.book(&other, START, 30).await.problem(409, "staff_busy");
    }
}

#[tokio::test]
async fn a_status_that_can_not_be_stepped_to_is_refused() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, START).await;
    for bad in ["cancelled", "held", "expired", "done", ""] {
        assert_eq!(app.step(&path, bad).await.invalid_fields(), ["/status"], "{bad}");
    }
}

#[tokio::test]
async fn steps_of_what_does_not_exist_are_404() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, START).await;
    app.delete(&path).send().await.expect(204);
    for key in [None, Some("k")] {
        go(&app, &path, "confirmed", key).await.problem(404, "not_found");
        go(&app, &path, "cancel", key).await.problem(404, "not_found");
    }
}
