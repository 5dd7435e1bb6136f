//! The day view: working time, appointments and free spans.

use clinic_api::time::Clock as _;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::{ClinicMade, TestApp, booking};

#[tokio::test]
async fn a_day_comes_in_pages_each_appointment_once() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let other = ClinicMade { staff: app.staff_member(&clinic.path).await, ..clinic.clone() };
    // An appointment that starts the night before is shown; an earlier one is not.
    let mut expected = vec![app.booked(&clinic, "2035-01-15T23:45:00").await];
    app.booked(&clinic, "2035-01-15T10:00:00").await;
    for hour in 10..13 {
        let booked = app.booked(&clinic, &format!("2035-01-16T{hour}:00:00")).await;
        app.post(&format!("{booked}/cancel")).send().await.expect(200);
        expected.push(booked);
        let patient = app.patient().await;
        let of_other = ClinicMade { patient, ..other.clone() };
        expected.push(app.booked(&of_other, &format!("2035-01-16T{hour}:00:00")).await);
    }
    expected.sort();
    let path = format!("{}/day/2035-01-16", clinic.path);
    let whole = app.get(&path).send().await.expect(200).json();
    assert_eq!(whole["next_cursor"], json!(null));
    let ids = |page: &Value| -> Vec<String> {
        let staff = page["staff"].as_array().unwrap().iter();
        let listed = staff.flat_map(|one| one["appointments"].as_array().unwrap());
        let path =
            |one: &Value| format!("{}/appointments/{}", clinic.path, one["id"].as_str().unwrap());
        listed.map(path).collect()
    };
    let spans = |page: &Value| -> Vec<Value> {
        let staff = page["staff"].as_array().unwrap().iter();
        staff.map(|one| json!([one["staff_id"], one["working"], one["free"]])).collect()
    };
    for limit in [1, 2, 3, 1000] {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page =
                app.get(&format!("{path}?limit={limit}{cursor}")).send().await.expect(200).json();
            let of_page = ids(&page);
            assert!(of_page.len() <= limit);
            assert_eq!(spans(&page), spans(&whole), "each page tells what is free");
            found.extend(of_page);
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        found.sort();
        assert_eq!(found, expected, "{limit}");
    }
    for refused in ["limit=0", "limit=1001", "nope=1"] {
        app.get(&format!("{path}?{refused}")).send().await.problem(400, "invalid_parameter");
    }
    app.get(&format!("{path}?cursor=AAAA")).send().await.problem(400, "invalid_cursor");
}

#[tokio::test]
async fn a_day_shows_who_works_what_is_free_and_what_stands() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let hours = json!({ "opening_hours": [
        { "weekday": "tuesday", "from": "08:00", "to": "12:00" },
        { "weekday": "tuesday", "from": "13:00", "to": "18:00" },
    ] });
    app.patch(&clinic.path).json(&hours).send().await.expect(200);
    let booked = app.booked(&clinic, "2035-01-16T09:00:00").await;
    let cancelled = app.booked(&clinic, "2035-01-16T10:00:00").await;
    app.post(&format!("{cancelled}/cancel")).send().await.expect(200);
    app.step(&booked, "confirmed").await.expect(200);
    app.held(&clinic, "2035-01-16T13:00:00", 10).await;
    let day = |date: &str| app.get(&format!("{}/day/{date}", clinic.path));
    let shown = day("2035-01-16").send().await.expect(200).json();
    assert_eq!(shown["time_zone"], "Europe/Zurich");
    let [of_staff] = shown["staff"].as_array().unwrap().as_slice() else { panic!("{shown}") };
    let spans = |member: &str, of: &Value| {
        let spans = of[member].as_array().unwrap().iter();
        let text = |span: &Value, end: &str| span[end].as_str().unwrap()[11..16].to_owned();
        spans.map(|span| text(span, "start") + "-" + &text(span, "end")).collect::<Vec<_>>()
    };
    assert_eq!(spans("working", of_staff), ["08:00-12:00", "13:00-18:00"]);
    assert_eq!(spans("free", of_staff), ["08:00-09:00", "09:30-12:00", "13:30-18:00"]);
    let statuses = of_staff["appointments"].as_array().unwrap().iter();
    let statuses: Vec<_> = statuses.map(|one| one["status"].clone()).collect();
    assert_eq!(statuses, ["confirmed", "cancelled", "held"]);
    // The hold has expired, and its time is free again.
    app.clock.advance(SignedDuration::from_mins(11));
    let shown = day("2035-01-16").send().await.expect(200).json();
    assert_eq!(spans("free", &shown["staff"][0]), ["08:00-09:00", "09:30-12:00", "13:00-18:00"]);
    // An appointment across midnight is shown on both days.
    let over = json!({ "any_hours": true, "reason": "night" });
    let mut night = booking(&clinic.staff, &clinic.patient, "2035-01-16T23:30:00", 60);
    night["overrides"] = over;
    app.post(&format!("{}/appointments", clinic.path)).json(&night).send().await.expect(201);
    for date in ["2035-01-16", "2035-01-17"] {
        let shown = day(date).send().await.expect(200).json();
        let last = shown["staff"][0]["appointments"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(last["start"], "2035-01-16T23:30:00+01:00", "{date}");
    }
    day("2035-02-30").send().await.problem(400, "invalid_parameter");
    app.get("/v1/clinics/CLN-000000000000000000000000/day/2035-01-16")
        .send()
        .await
        .problem(404, "not_found");
}

/// Day sheets expire 90 days after their day.
#[tokio::test]
async fn a_day_whose_sheets_have_expired_shows_appointments_and_nothing_free() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    app.booked(&clinic, "2035-01-16T10:00:00").await;
    for item in app.all_items().await {
        if item["type"].as_s().unwrap() == "day_sheet" {
            let expires_at = item["expires_at"].as_n().unwrap().parse().unwrap();
            let expires_at = jiff::Timestamp::from_second(expires_at).unwrap();
            assert_eq!(expires_at, "2035-04-17T00:00:00Z".parse().unwrap());
            app.clock.advance(expires_at.duration_since(app.clock.now()));
            app.delete_item(&item).await;
        }
    }
    let day = app.get(&format!("{}/day/2035-01-16", clinic.path)).send().await.expect(200).json();
    assert_eq!(day["staff"][0]["appointments"].as_array().unwrap().len(), 1);
    assert_eq!(day["staff"][0]["free"], json!([]));
}
