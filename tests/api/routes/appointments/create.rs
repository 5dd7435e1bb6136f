//! `POST /v1/clinics/{clinic_id}/appointments`.

use serde_json::json;

use crate::support::{ClinicMade, TestApp, booking};

#[tokio::test]
async fn a_booking_comes_back_with_the_clinics_offset() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let mut body = booking(&clinic.staff, &clinic.patient, "2035-01-16T08:00:00Z", 45);
    body["reason"] = json!("check-up");
    body["notes"] = json!("brings the X-ray\nand a letter");
    let made =
        app.post(&format!("{}/appointments", clinic.path)).json(&body).send().await.expect(201);
    let read = app.get(&made.location()).send().await.expect(200);
    assert_eq!(read.json(), made.json());
    insta::assert_json_snapshot!(read.json(), {
        ".id" => "[id]", ".clinic_id" => "[clinic]", ".staff_id" => "[staff]", ".patient_id" => "[patient]",
    });
    app.check_day_sheets().await;
}

#[tokio::test]
async fn a_local_start_and_an_instant_mean_the_same() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let made = app.book(&clinic, "2035-07-16T09:00", 30).await.expect(201).json();
    assert_eq!(made["start"], "2035-07-16T09:00:00+02:00");
    app.book(&clinic, "2035-07-16T03:00:00-04:00", 30).await.problem(409, "staff_busy");
}

#[tokio::test]
async fn a_taken_time_is_refused_with_the_nearest_free_starts() {
    let app = TestApp::spawn().await;
    let mut clinic = app.ready_clinic().await;
    app.booked(&clinic, "2035-01-16T09:00:00").await;
    app.booked(&clinic, "2035-01-16T10:00:00").await;
    clinic.patient = app.patient().await;
    let busy = app.book(&clinic, "2035-01-16T09:10:00", 30).await.problem(409, "staff_busy");
    // The nearest first: 20, 40 and 55 minutes away.
    let nearest =
        ["2035-01-16T09:30:00+01:00", "2035-01-16T08:30:00+01:00", "2035-01-16T08:15:00+01:00"];
    assert_eq!(busy["nearest_free"], json!(nearest));
    for start in &nearest[..2] {
        app.book(&clinic, start, 30).await.expect(201);
    }
    app.check_day_sheets().await;
}

#[tokio::test]
async fn a_patient_is_at_one_clinic_at_a_time() {
    let app = TestApp::spawn().await;
    let here = app.ready_clinic().await;
    let mut there = app.ready_clinic().await;
    there.patient.clone_from(&here.patient);
    app.booked(&here, "2035-01-16T09:00:00").await;
    let busy = app.book(&there, "2035-01-16T09:29:00", 30).await.problem(409, "patient_busy");
    assert_eq!(
        busy["nearest_free"],
        json!([
            "2035-01-16T09:30:00+01:00",
            "2035-01-16T09:45:00+01:00",
            "2035-01-16T10:00:00+01:00"
        ])
    );
    app.book(&there, "2035-01-16T09:30:00", 30).await.expect(201);
    app.check_day_sheets().await;
}

#[tokio::test]
async fn a_local_time_that_does_not_exist_or_comes_twice_is_refused() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    // In 2035 the clocks in Zurich go forward on 25 March and back on 28 October.
    let gap = app.book(&clinic, "2035-03-25T02:30:00", 30).await;
    assert_eq!(gap.problem(422, "ambiguous_local_time")["errors"][0]["pointer"], "/start");
    let fold =
        app.book(&clinic, "2035-10-28T02:30:00", 30).await.problem(422, "ambiguous_local_time");
    let detail = fold["detail"].as_str().unwrap();
    for start in ["2035-10-28T02:30:00+02:00", "2035-10-28T02:30:00+01:00"] {
        assert!(detail.contains(start), "{detail}");
        let made = app.book(&clinic, start, 30).await.expect(201).json();
        assert_eq!(made["start"], start, "both hours can be had");
    }
    app.check_day_sheets().await;
}

#[tokio::test]
async fn an_appointment_over_utc_midnight_stands_in_both_days() {
    let app = TestApp::spawn().await;
    let clinic = app.clinic_in("America/Los_Angeles").await;
    let staff = app.staff_member(&clinic).await;
    let clinic = ClinicMade { staff, path: clinic, patient: app.patient().await };
    // 15:45 to 16:15 in local time is 23:45 to 00:15 UTC.
    app.book(&clinic, "2035-01-16T15:45:00", 30).await.expect(201);
    app.check_day_sheets().await;
    app.book(&clinic, "2035-01-16T16:00:00", 30).await.problem(409, "staff_busy");
    app.book(&clinic, "2035-01-16T15:20:00", 30).await.problem(409, "staff_busy");
    let next = app.book(&clinic, "2035-01-16T16:15:00", 30).await.expect(201);
    app.post(&format!("{}/cancel", next.location())).send().await.expect(200);
    app.check_day_sheets().await;
}

#[tokio::test]
async fn starts_lie_between_now_and_400_days_ahead_to_the_minute() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    for bad in [
        "2035-01-15T07:54:00Z",
        "2036-02-19T08:01:00Z",
        "2035-01-16T09:00:30",
        "1970-01-01T00:00:00Z",
    ] {
        let fields = app.book(&clinic, bad, 30).await.invalid_fields();
        assert_eq!(fields, ["/start"], "{bad}");
    }
    app.book(&clinic, "2035-01-15T07:55:00Z", 30).await.expect(201);
    app.book(&clinic, "2036-02-19T08:00:00Z", 30).await.expect(201);
}

#[tokio::test]
async fn lengths_are_5_minutes_to_12_hours() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    for bad in [0, 4, 721, 65_535] {
        let fields = app.book(&clinic, "2035-01-16T09:00:00", bad).await.invalid_fields();
        assert_eq!(fields, ["/duration_minutes"], "{bad}");
    }
    let mut body = booking(&clinic.staff, &clinic.patient, "2035-01-16T09:00:00", 30);
    for bad in [json!(30.5), json!(-5), json!("30"), json!(65_536), json!(null)] {
        body["duration_minutes"] = bad;
        let refused = app.post(&format!("{}/appointments", clinic.path)).json(&body).send().await;
        assert_eq!(refused.invalid_fields(), ["/duration_minutes"]);
    }
    app.book(&clinic, "2035-01-16T00:00:00", 720).await.expect(201);
    app.book(&clinic, "2035-01-16T12:00:00", 5).await.expect(201);
    app.check_day_sheets().await;
}
