//! Availability: filters, order, pages, and reads.

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp, ToSpan as _, tz::TimeZone};
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
    // For today only future slots, for past days none.
    let today = slots(&app, &clinic.path, &day.replace("01-16", "01-15")).await;
    assert_eq!(today[0].0, "2035-01-15T09:00:00+01:00");
    assert_eq!(slots(&app, &clinic.path, &day.replace("01-16", "01-14")).await, []);
}

#[tokio::test]
async fn past_days_have_nothing_free() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    app.closed(&clinic.path, "2035-01-15", "2035-01-15").await;
    let ask = |query: String| {
        app.get(&format!("{}/availability?duration_minutes=30{query}", clinic.path))
    };
    for (from, to) in [
        ("2025-11-01", "2025-11-20"),
        ("2034-12-15", "2035-01-14"),
        ("2035-01-14", "2035-01-14"),
        ("0000-01-01", "0000-01-31"),
        ("9999-12-31", "9999-12-31"),
    ] {
        for more in ["", "&limit=1", "&limit=1000"] {
            let found = ask(format!("&from={from}&to={to}{more}")).send().await.expect(200).json();
            assert_eq!(found["slots"], json!([]), "{from} {to} {more}");
        }
        // Named staff, resources and visit types must exist even so.
        let nobody = "&staff_id=STF-000000000000000000000000";
        let refused = ask(format!("&from={from}&to={to}{nobody}")).send().await;
        refused.problem(400, "invalid_parameter");
    }
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
        "duration_minutes=30&visit_type_id=VTY-000000000000000000000000",
        "visit_type_id=VTY-000000000000000000000000",
        "duration_minutes=30&from=2035-01-16&to=2035-01-15",
        "duration_minutes=30&from=2035-01-16&to=2035-02-16",
        "duration_minutes=30&step_minutes=7",
        "duration_minutes=30&role=Physician",
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
    // Closed for twelve days: the first slot is in the third read of day sheets, and there is no fourth.
    app.closed(&clinic.path, "2035-01-15", "2035-01-22").await;
    let ask = |limit: &str| {
        let range = "from=2035-01-15&to=2035-02-10&duration_minutes=30&step_minutes=30";
        app.get(&format!("{}/availability?{range}{limit}", clinic.path))
    };
    let all = ask("&limit=1000").send().await.expect(200).json();
    assert_eq!(
        (all["slots"].as_array().unwrap().len(), &all["next_cursor"]),
        (19 * 48, &json!(null))
    );
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
    assert_eq!(sheets(app.wire.take_calls()), 3, "2, 4 and 7 days");
    ask("&limit=1000").send().await.expect(200);
    assert_eq!(sheets(app.wire.take_calls()), 5, "and 7 twice");
    // Without free slots the range is read once.
    app.closed(&clinic.path, "2035-01-23", "2035-02-10").await;
    app.wire.forget();
    let found = ask("&limit=1").send().await.expect(200).json();
    assert_eq!((&found["slots"], &found["next_cursor"]), (&json!([]), &json!(null)));
    assert_eq!(sheets(app.wire.take_calls()), 5);
}

/// Follows a search to its end. Returns its slots and the number of pages.
async fn follow(app: &TestApp, clinic: &str, query: &str) -> (Vec<(String, String)>, usize) {
    let (mut slots, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let path = format!("{clinic}/availability?{query}{cursor}");
        let page = app.get(&path).send().await.expect(200).json();
        let text = |slot: &Value, member: &str| slot[member].as_str().unwrap().to_owned();
        let of_page = page["slots"].as_array().unwrap().iter();
        slots.extend(of_page.map(|slot| (text(slot, "start"), text(slot, "staff_id"))));
        pages += 1;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (slots, pages),
        }
    }
}

/// Every start of a grid in Zurich for each staff member, by start and staff member.
fn every_slot(first: &str, days: i64, step: i64, staff: &[String]) -> Vec<(String, String)> {
    let tz = TimeZone::get("Europe/Zurich").unwrap();
    let first: jiff::civil::Date = first.parse().unwrap();
    let last = first.saturating_add(days.days());
    let midnight = |date: jiff::civil::Date| date.to_zoned(tz.clone()).unwrap().timestamp();
    let instants = (midnight(first).as_second()..midnight(last).as_second())
        .step_by(usize::try_from(step * 60).unwrap());
    let text = |second| {
        let at = Timestamp::from_second(second).unwrap();
        at.display_with_offset(tz.to_offset(at)).to_string()
    };
    instants.flat_map(|at| staff.iter().map(move |id| (text(at), id.clone()))).collect()
}

/// A search that used to return one response of 66 MB.
#[tokio::test]
async fn what_is_free_comes_in_pages_each_slot_once() {
    let app = TestApp::builder().for_many().without_rates().spawn().await;
    let clinic = app.clinic().await;
    let mut staff = join_all((0..66).map(|_| app.staff_member(&clinic))).await;
    staff.sort();
    let month = "from=2035-01-16&to=2035-02-15&duration_minutes=5&step_minutes=5";
    for (limit, size) in [("", 200), ("&limit=1000", 1000)] {
        let path = format!("{clinic}/availability?{month}{limit}");
        let answer = app.get(&path).send().await.expect(200);
        assert!(answer.body.len() < 150 * size, "{} bytes", answer.body.len());
        let page = answer.json();
        assert_eq!(page["slots"].as_array().unwrap().len(), size);
        assert!(page["next_cursor"].is_string());
    }
    // One day completely, and the whole month by the hour.
    let day = "from=2035-01-16&to=2035-01-16&duration_minutes=5&step_minutes=5&limit=1000";
    let (slots, pages) = follow(&app, &clinic, day).await;
    // The last visit of the day begins at 23:55.
    assert_eq!(slots, every_slot("2035-01-16", 1, 5, &staff));
    assert_eq!(pages, (66 * 288_usize).div_ceil(1000));
    let (slots, pages) =
        follow(&app, &clinic, &month.replace("step_minutes=5", "step_minutes=60&limit=1000")).await;
    assert_eq!(slots, every_slot("2035-01-16", 31, 60, &staff));
    assert_eq!(pages, (66 * 24 * 31_usize).div_ceil(1000));
}

#[tokio::test]
async fn pages_of_any_size_show_the_same_slots_beside_appointments_and_clock_changes() {
    let app = TestApp::builder().without_rates().spawn().await;
    let clinic = app.ready_clinic().await;
    let others = [app.staff_member(&clinic.path).await, app.staff_member(&clinic.path).await];
    let staff = [&clinic.staff, &others[0], &others[1]].map(String::clone);
    let mut sorted = staff.clone();
    sorted.sort();
    for (start, of) in [("09:00:00", 0), ("09:30:00", 1), ("23:30:00", 2)] {
        let body = booking(&staff[of], &app.patient().await, &format!("2035-03-24T{start}"), 60);
        app.post(&format!("{}/appointments", clinic.path)).json(&body).send().await.expect(201);
    }
    // The clocks go forward in the night to 25 March.
    let mut expected = every_slot("2035-03-24", 2, 30, &sorted);
    let taken = [
        ("2035-03-24T08:30:00+01:00", 0),
        ("2035-03-24T09:00:00+01:00", 0),
        ("2035-03-24T09:30:00+01:00", 0),
        ("2035-03-24T09:00:00+01:00", 1),
        ("2035-03-24T09:30:00+01:00", 1),
        ("2035-03-24T10:00:00+01:00", 1),
        ("2035-03-24T23:00:00+01:00", 2),
        ("2035-03-24T23:30:00+01:00", 2),
        ("2035-03-25T00:00:00+01:00", 2),
    ];
    expected.retain(|(start, id)| !taken.iter().any(|(at, of)| start == at && *id == staff[*of]));
    let query = "from=2035-03-24&to=2035-03-25&duration_minutes=60&step_minutes=30";
    for limit in [1, 2, 7, 100, 1000] {
        let (slots, pages) = follow(&app, &clinic.path, &format!("{query}&limit={limit}")).await;
        assert_eq!(slots, expected, "{limit}");
        assert!(pages <= expected.len() / limit + 1, "{pages} of {limit}");
    }
    // A cursor is only valid for its search and caller.
    let path = format!("{}/availability?{query}", clinic.path);
    let page = app.get(&format!("{path}&limit=1")).send().await.expect(200).json();
    let cursor = page["next_cursor"].as_str().unwrap();
    app.get(&format!("{path}&limit=5&cursor={cursor}")).send().await.expect(200);
    for other in [
        format!("{}&cursor={cursor}", path.replace("duration_minutes=60", "duration_minutes=30")),
        format!("{}&cursor={cursor}", path.replace("to=2035-03-25", "to=2035-03-26")),
        format!("{path}&staff_id={}&cursor={cursor}", staff[0]),
        format!("{}/appointments?cursor={cursor}", clinic.path),
        format!("{path}&cursor="),
    ] {
        app.get(&other).send().await.problem(400, "invalid_cursor");
    }
    let other = app.in_org("ORG-OTHER");
    other.get(&format!("{path}&cursor={cursor}")).send().await.problem(400, "invalid_cursor");
}

/// A search that starts today keeps its days when it continues on the next day.
#[tokio::test]
async fn a_search_that_is_continued_after_midnight_ends_where_it_would_have() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = format!("{}/availability?duration_minutes=60&step_minutes=60", clinic.path);
    let first = app.get(&format!("{path}&limit=20")).send().await.expect(200).json();
    let last = first["slots"][19]["start"].as_str().unwrap();
    assert_eq!(last, "2035-01-16T04:00:00+01:00");
    app.clock.advance(SignedDuration::from_hours(16));
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest =
        app.get(&format!("{path}&limit=1000&cursor={cursor}")).send().await.expect(200).json();
    let slots = rest["slots"].as_array().unwrap();
    assert_eq!(slots[0]["start"], "2035-01-16T05:00:00+01:00");
    assert_eq!(slots.last().unwrap()["start"], "2035-02-14T23:00:00+01:00");
    assert_eq!(rest["next_cursor"], json!(null));
}
