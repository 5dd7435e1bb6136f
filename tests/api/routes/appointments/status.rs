//! Every step of an appointment's life, and every step that it does not have.

use serde_json::json;

use crate::support::TestApp;

/// Each status with the steps that lead to it from booking on. `cancelled` is an operation of its own; holds have other ends.
const WAYS: [(&str, &[&str]); 6] = [
    ("scheduled", &[]),
    ("confirmed", &["confirmed"]),
    ("checked_in", &["confirmed", "checked_in"]),
    ("completed", &["confirmed", "checked_in", "completed"]),
    ("no_show", &["no_show"]),
    ("cancelled", &["cancel"]),
];

/// The steps of the status life.
const STEPS: [(&str, &str); 8] = [
    ("scheduled", "confirmed"),
    ("confirmed", "checked_in"),
    ("checked_in", "completed"),
    ("scheduled", "cancelled"),
    ("confirmed", "cancelled"),
    ("scheduled", "no_show"),
    ("confirmed", "no_show"),
    ("checked_in", "scheduled"),
];

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
            // With an Idempotency-Key the step is a transaction, without one a single update.
            for key in [None, Some(format!("{row}-{column}"))] {
                clinic.patient = app.patient().await;
                clinic.staff = app.staff_member(&clinic.path).await;
                let path = app.booked(&clinic, "2035-01-16T09:00:00").await;
                for step in way {
                    go(&app, &path, step, None).await.expect(200);
                }
                let answer = go(&app, &path, to, key.as_deref()).await;
                if STEPS.contains(&(from, to)) {
                    assert_eq!(answer.expect(200).json()["status"], to);
                } else {
                    let refused = answer.problem(409, "invalid_transition");
                    assert_eq!(refused["current_status"], from, "{from} to {to}");
                    let now = app.get(&path).send().await.json();
                    assert_eq!(now["status"], from);
                }
            }
        }
    }
    app.check_day_sheets().await;
}

#[tokio::test]
async fn a_status_that_can_not_be_stepped_to_is_refused() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, "2035-01-16T09:00:00").await;
    for bad in ["cancelled", "held", "expired", "done", ""] {
        assert_eq!(app.step(&path, bad).await.invalid_fields(), ["/status"], "{bad}");
    }
}

#[tokio::test]
async fn steps_of_what_does_not_exist_are_404() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, "2035-01-16T09:00:00").await;
    app.delete(&path).send().await.expect(204);
    for key in [None, Some("k")] {
        go(&app, &path, "confirmed", key).await.problem(404, "not_found");
        go(&app, &path, "cancel", key).await.problem(404, "not_found");
    }
}
