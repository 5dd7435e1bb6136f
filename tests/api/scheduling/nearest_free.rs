//! The free starts that a refusal lists: the nearest of the clinic's day, or else of the days after it.

use serde_json::{Value, json};

use crate::support::{ClinicMade, TestApp, weekly_span};

const WORKDAYS: [&str; 5] = ["monday", "tuesday", "wednesday", "thursday", "friday"];

/// A clinic that is open from 09:00 to 17:00, Monday to Friday. 16 January 2035 is a Tuesday.
async fn open_in_office_hours(app: &TestApp, zone: &str) -> ClinicMade {
    let path = app.clinic_in(zone).await;
    let open = json!({ "opening_hours": WORKDAYS.map(|day| weekly_span(day, "09:00", "17:00")) });
    app.patch(&path).json(&open).send().await.expect(200);
    ClinicMade { staff: app.staff_member(&path).await, patient: app.patient().await, path }
}

/// The starts that the refusal of a booking lists, in local time.
async fn nearest(app: &TestApp, clinic: &ClinicMade, start: &str, minutes: u16) -> Vec<String> {
    let refused = app.book(clinic, start, minutes).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    let starts = refused.json()["nearest_free"].as_array().unwrap().clone();
    starts.iter().map(|start| start.as_str().unwrap()[..16].to_owned()).collect()
}

/// Days that UTC midnight divides: in Auckland at 13:00, in Los Angeles at 16:00.
#[tokio::test]
async fn the_nearest_starts_of_the_clinics_day_come_first_whatever_the_utc_day() {
    let app = TestApp::spawn().await;
    for (zone, taken, wanted, expected) in [
        ("Pacific/Auckland", &["12:00", "12:30"][..], "12:30", ["13:00", "13:15", "11:30"]),
        ("America/Los_Angeles", &["15:30"], "15:30", ["15:00", "16:00", "14:45"]),
        ("Europe/Zurich", &["13:00"], "13:00", ["12:30", "13:30", "12:15"]),
        ("Europe/Zurich", &["09:00", "16:30"], "16:30", ["16:00", "15:45", "15:30"]),
    ] {
        let clinic = open_in_office_hours(&app, zone).await;
        for start in taken {
            app.booked(&clinic, &format!("2035-01-16T{start}:00")).await;
        }
        let named = nearest(&app, &clinic, &format!("2035-01-16T{wanted}:00"), 30).await;
        assert_eq!(named, expected.map(|start| format!("2035-01-16T{start}")), "{zone}");
        app.booked(&clinic, &named[0]).await;
    }
    app.check_day_sheets().await;
}

/// Starts on the grid, and starts next to an appointment, which leave no gap.
#[tokio::test]
async fn starts_lie_on_the_local_grid_or_beside_what_is_taken() {
    let app = TestApp::spawn().await;
    // Kathmandu is 5:45 ahead of UTC, so local quarter hours are not those of the full UTC hour.
    for zone in ["Europe/Zurich", "Asia/Kathmandu"] {
        let clinic = open_in_office_hours(&app, zone).await;
        app.book(&clinic, "2035-01-16T13:00:00", 20).await.expect(201);
        let named = nearest(&app, &clinic, "2035-01-16T13:10:00", 30).await;
        let expected = ["13:20", "13:30", "13:45"].map(|start| format!("2035-01-16T{start}"));
        assert_eq!(named, expected, "{zone}");
    }
}

#[tokio::test]
async fn a_day_without_a_free_start_leads_to_the_next_that_has_some() {
    let app = TestApp::spawn().await;
    for zone in ["Pacific/Auckland", "Europe/Zurich", "America/Los_Angeles"] {
        let clinic = open_in_office_hours(&app, zone).await;
        app.closed(&clinic.path, "2035-01-17", "2035-01-17").await;
        let first_of = |day: &str| {
            ["09:00", "09:15", "09:30"].map(|start| format!("2035-01-{day}T{start}")).to_vec()
        };
        // A holiday, a Saturday, a fully booked Friday.
        assert_eq!(nearest(&app, &clinic, "2035-01-17T12:30:00", 30).await, first_of("18"));
        assert_eq!(nearest(&app, &clinic, "2035-01-20T12:30:00", 30).await, first_of("22"));
        app.book(&clinic, "2035-01-19T09:00:00", 480).await.expect(201);
        assert_eq!(nearest(&app, &clinic, "2035-01-19T12:30:00", 30).await, first_of("22"));
        // Appointments on that day count too, those of the patient at any clinic.
        let elsewhere = ClinicMade { patient: clinic.patient.clone(), ..app.ready_clinic().await };
        let start = &format!("{}:00", first_of("22")[0]);
        app.booked(&clinic, start).await;
        let zone: jiff::tz::TimeZone = jiff::tz::TimeZone::get(zone).unwrap();
        let after = "2035-01-22T09:30:00".parse::<jiff::civil::DateTime>().unwrap();
        let after = after.to_zoned(zone).unwrap().timestamp().to_string();
        app.book(&elsewhere, &after, 30).await.expect(201);
        let named = nearest(&app, &clinic, "2035-01-20T12:30:00", 30).await;
        assert_eq!(named, ["10:00", "10:15", "10:30"].map(|at| format!("2035-01-22T{at}")));
    }
    app.check_day_sheets().await;
}

#[tokio::test]
async fn eight_days_without_a_free_start_end_the_search() {
    let app = TestApp::spawn().await;
    let clinic = open_in_office_hours(&app, "Europe/Zurich").await;
    app.closed(&clinic.path, "2035-02-05", "2035-02-11").await;
    let named = nearest(&app, &clinic, "2035-02-05T10:00:00", 30).await;
    assert_eq!(named[0], "2035-02-12T09:00", "the seventh day after it");
    app.closed(&clinic.path, "2035-02-12", "2035-02-12").await;
    assert!(nearest(&app, &clinic, "2035-02-05T10:00:00", 30).await.is_empty());
}

/// No listed start is in the past or too far in the future to be booked.
#[tokio::test]
async fn starts_are_to_come_and_within_the_horizon() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    // It is 09:00 in Zurich.
    app.booked(&clinic, "2035-01-15T09:00:00").await;
    let named = nearest(&app, &clinic, "2035-01-15T09:00:00", 30).await;
    assert_eq!(named, ["09:30", "09:45", "10:00"].map(|at| format!("2035-01-15T{at}")));
    app.booked(&clinic, "2036-02-19T08:45:00").await;
    let named = nearest(&app, &clinic, "2036-02-19T08:45:00", 15).await;
    assert_eq!(named, ["08:30", "08:15", "08:00"].map(|at| format!("2036-02-19T{at}")));
}

/// A hold can be confirmed outside the current hours, but the listed starts are within them.
#[tokio::test]
async fn a_hold_that_can_not_be_confirmed_names_starts_within_the_hours() {
    let app = TestApp::spawn().await;
    let clinic = app.clinic_with_hours().await;
    let held = app.held(&clinic, "2035-01-16T11:30:00", 10).await;
    let elsewhere = ClinicMade { patient: clinic.patient.clone(), ..app.ready_clinic().await };
    app.booked(&elsewhere, "2035-01-16T11:30:00").await;
    let body = json!({ "hold_secret": held.secret, "patient_id": clinic.patient });
    let refused = app.post(&format!("{}/confirm", held.path)).json(&body).send().await;
    let problem = refused.problem(409, "patient_busy");
    let expected = ["11:00", "10:45", "10:30"].map(|at| format!("2035-01-16T{at}:00+01:00"));
    assert_eq!(problem["nearest_free"], json!(expected));
}

/// Near starts cost nothing more; far ones cost one call.
#[tokio::test]
async fn far_starts_cost_one_batch_more() {
    let app = TestApp::spawn().await;
    let clinic = open_in_office_hours(&app, "America/Los_Angeles").await;
    let room = app.resource(&clinic.path).await;
    app.booked(&clinic, "2035-01-16T10:00:00").await;
    let calls = async |start: &str, more: Value| {
        app.wire.forget();
        assert_eq!(app.book_with(&clinic, start, more).await.status, 409);
        let mut calls: Vec<_> =
            app.wire.take_calls().into_iter().map(|call| call.operation).collect();
        calls.sort();
        calls
    };
    let near = ["BatchGetItem", "Query", "Query"];
    assert_eq!(calls("2035-01-16T10:00:00", json!({})).await, near);
    let far = ["BatchGetItem", "BatchGetItem", "Query", "Query"];
    assert_eq!(calls("2035-01-20T10:00:00", json!({})).await, far);
    let with_room = ["BatchGetItem", "BatchGetItem", "Query", "Query", "Query"];
    let room = json!({ "resource_ids": [room] });
    assert_eq!(calls("2035-01-20T10:00:00", room).await, with_room);
}
