//! Free times and the day of a front desk: what is asked for, in which order it comes, and what it reads.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::{TestApp, booking, id, wire::WireCall};

async fn slots(app: &TestApp, clinic: &str, query: &str) -> Vec<(String, String)> {
    let found = app.get(&format!("{clinic}/availability?{query}")).send().await.expect(200).json();
    let text = |slot: &Value, member: &str| slot[member].as_str().unwrap().to_owned();
    let slots = found["slots"].as_array().unwrap().iter();
    slots.map(|slot| (text(slot, "start"), text(slot, "staff_id"))).collect()
}

#[tokio::test]
async fn slots_are_of_all_fitting_staff_in_order_of_time() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let nurse = json!({ "name": "N", "role": "nurse" });
    let nurse = app.post(&format!("{}/staff", clinic.path)).json(&nurse).send().await;
    let nurse = id(&nurse.expect(201));
    let absent = app.staff_member(&clinic.path).await;
    let absent = format!("{}/staff/{absent}", clinic.path);
    app.patch(&absent).json(&json!({ "active": false })).send().await.expect(200);
    app.booked(&clinic, "2035-01-16T09:00:00").await;
    let day = "from=2035-01-16&to=2035-01-16&duration_minutes=60&step_minutes=60";
    let all = slots(&app, &clinic.path, day).await;
    assert_eq!(all.len(), 24 + 24 - 1);
    assert!(all.is_sorted());
    assert_eq!(all[0].0, "2035-01-16T00:00:00+01:00");
    let taken = ("2035-01-16T09:00:00+01:00".to_owned(), clinic.staff.clone());
    assert!(!all.contains(&taken));
    for (more, of) in
        [("role=nurse".to_owned(), &nurse), (format!("staff_id={}", clinic.staff), &clinic.staff)]
    {
        let found = slots(&app, &clinic.path, &format!("{day}&{more}")).await;
        let expected: Vec<_> = all.iter().filter(|slot| slot.1 == *of).cloned().collect();
        assert_eq!(found, expected, "{more}");
    }
    assert_eq!(
        slots(&app, &clinic.path, &format!("{day}&role=physician&staff_id={nurse}")).await,
        []
    );
    // Of today, what is still to come; of days past, nothing.
    let today = slots(&app, &clinic.path, &day.replace("01-16", "01-15")).await;
    assert_eq!(today[0].0, "2035-01-15T09:00:00+01:00");
    assert_eq!(slots(&app, &clinic.path, &day.replace("01-16", "01-14")).await, []);
}

#[tokio::test]
async fn searches_that_make_no_sense_are_refused() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = format!("{}/availability", clinic.path);
    for query in [
        "",
        "duration_minutes=4",
        "duration_minutes=721",
        "duration_minutes=30&visit_type=VTY-000000000000000000000000",
        "visit_type=VTY-000000000000000000000000",
        "duration_minutes=30&from=2035-01-16&to=2035-01-15",
        "duration_minutes=30&from=2035-01-16&to=2035-02-16",
        "duration_minutes=30&step_minutes=7",
        "duration_minutes=30&limit=0",
        "duration_minutes=30&limit=1001",
        "duration_minutes=30&staff_id=STF-000000000000000000000000",
        "duration_minutes=30&resource_ids=RES-000000000000000000000000",
        "duration_minutes=30&resource_ids=,",
        "duration_minutes=30&nope=1",
    ] {
        app.get(&format!("{path}?{query}")).send().await.problem(400, "invalid_parameter");
    }
    let nowhere = "/v1/clinics/CLN-000000000000000000000000/availability?duration_minutes=30";
    app.get(nowhere).send().await.problem(404, "not_found");
}

#[tokio::test]
async fn next_free_stops_reading_when_it_has_enough() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    // Closed for twelve days: the first slot is in the third reading of day sheets, and there is no fourth.
    app.closed(&clinic.path, "2035-01-15", "2035-01-22").await;
    let ask = |limit: &str| {
        let range = "from=2035-01-15&to=2035-02-10&duration_minutes=30";
        app.get(&format!("{}/availability?{range}{limit}", clinic.path))
    };
    ask("").send().await.expect(200);
    app.wire.forget();
    let found = ask("&limit=1").send().await.expect(200).json();
    assert_eq!(found["slots"][0]["start"], "2035-01-23T00:00:00+01:00");
    let sheets = |calls: Vec<WireCall>| {
        let of_sheets = calls.into_iter().filter(|call| {
            call.operation == "Query"
                && call.request.to_string().contains("2035-")
                && !call.request.to_string().contains("EXCEPTION")
        });
        of_sheets.count()
    };
    assert_eq!(sheets(app.wire.take_calls()), 3, "2, 4 and 8 days");
    ask("&limit=1000").send().await.expect(200);
    assert_eq!(sheets(app.wire.take_calls()), 4, "and 13 more");
    ask("").send().await.expect(200);
    assert_eq!(sheets(app.wire.take_calls()), 1, "all at once");
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
    // The hold is over, and its time is free again.
    app.clock.advance(SignedDuration::from_mins(11));
    let shown = day("2035-01-16").send().await.expect(200).json();
    assert_eq!(spans("free", &shown["staff"][0]), ["08:00-09:00", "09:30-12:00", "13:00-18:00"]);
    // A night is seen on both of its days.
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
