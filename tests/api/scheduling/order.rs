//! The order of lists of appointments: by start, for every page size, direction, date and time zone.

use serde_json::{Value, json};

use crate::support::{ClinicMade, TestApp, id};

/// The remaining pages of a list from a cursor on.
async fn rest(app: &TestApp, path: &str, limit: usize, mut cursor: Option<String>) -> Vec<Value> {
    let separator = if path.contains('?') { '&' } else { '?' };
    let mut items = Vec::new();
    loop {
        let from = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let page = app.get(&format!("{path}{separator}limit={limit}{from}")).send().await;
        let page = page.expect(200).json();
        let list = if page["items"].is_array() { "items" } else { "appointments" };
        items.extend(page[list].as_array().unwrap().clone());
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            return items;
        }
    }
}

fn starts(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["start"].as_str().unwrap()).collect()
}

/// Asserts the order of every list of a clinic's and a patient's appointments, with every page size.
async fn assert_sorted(app: &TestApp, clinic: &ClinicMade, month: &str, expected: &[&str]) {
    let date = &expected[0][..10];
    let ascending = [
        format!("{}/appointments", clinic.path),
        format!("{}/appointments?date={date}", clinic.path),
        format!("{}/appointments?month={month}", clinic.path),
        format!("{}/appointments?from={date}&to={date}&status=scheduled", clinic.path),
        format!("{}/appointments?date={date}&staff_id={}", clinic.path, clinic.staff),
        format!("/v1/patients/{}/appointments", clinic.patient),
        format!("/v1/patients/{}/appointments?consistent=true", clinic.patient),
        format!("/v1/patients/{}/appointments?from={date}&to={date}", clinic.patient),
    ];
    let reversed: Vec<_> = expected.iter().rev().copied().collect();
    for limit in 1..=expected.len() {
        for path in &ascending {
            assert_eq!(starts(&rest(app, path, limit, None).await), expected, "{path}: {limit}");
            let separator = if path.contains('?') { '&' } else { '?' };
            let path = format!("{path}{separator}order=descending");
            assert_eq!(starts(&rest(app, &path, limit, None).await), reversed, "{path}: {limit}");
        }
        let overview = format!("{}/overview", clinic.path);
        assert_eq!(starts(&rest(app, &overview, limit, None).await), reversed, "overview: {limit}");
    }
}

#[tokio::test]
async fn within_a_day_appointments_are_sorted_by_start() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    for time in ["11:00", "08:00", "15:30", "09:15", "13:00"] {
        app.booked(&clinic, &format!("2035-01-16T{time}:00")).await;
    }
    // Its position follows from the new start.
    let moved = app.booked(&clinic, "2035-01-16T07:00:00").await;
    let to = json!({ "start": "2035-01-16T14:00:00" });
    app.post(&format!("{moved}/reschedule")).json(&to).send().await.expect(200);
    let expected = ["08:00", "09:15", "11:00", "13:00", "14:00", "15:30"]
        .map(|time| format!("2035-01-16T{time}:00+01:00"));
    let expected: Vec<_> = expected.iter().map(String::as_str).collect();
    assert_sorted(&app, &clinic, "2035-01", &expected).await;
}

#[tokio::test]
async fn the_hour_that_occurs_twice_is_sorted_by_instant() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    // The clocks go back from 03:00 to 02:00.
    let expected = [
        "2035-10-28T02:00:00+02:00",
        "2035-10-28T02:30:00+02:00",
        "2035-10-28T02:00:00+01:00",
        "2035-10-28T02:30:00+01:00",
    ];
    for at in [3, 1, 0, 2] {
        app.booked(&clinic, expected[at]).await;
    }
    assert_sorted(&app, &clinic, "2035-10", &expected).await;
}

#[tokio::test]
async fn what_does_not_move_is_shown_once_while_others_move() {
    let app = TestApp::spawn().await;
    for order in ["ascending", "descending"] {
        let clinic = app.ready_clinic().await;
        let mut paths = Vec::new();
        for hour in 8..16 {
            paths.push(app.booked(&clinic, &format!("2035-01-16T{hour:02}:00:00")).await);
        }
        let lists = [
            format!("{}/appointments?order={order}", clinic.path),
            format!("/v1/patients/{}/appointments?order={order}", clinic.patient),
            format!("/v1/patients/{}/appointments?order={order}&consistent=true", clinic.patient),
        ];
        let mut begun = Vec::new();
        for path in &lists {
            let page = app.get(&format!("{path}&limit=3")).send().await.expect(200).json();
            let cursor = page["next_cursor"].as_str().map(str::to_owned);
            begun.push((path, page["items"].as_array().unwrap().clone(), cursor));
        }
        // Moves from behind the first page into it, from it to behind, and of the appointment at which the page ended.
        let moves = [(7, "08:30"), (0, "15:30"), (2, "14:30"), (5, "10:30")];
        for (index, time) in moves {
            let to = json!({ "start": format!("2035-01-16T{time}:00") });
            let path: &String = &paths[index];
            app.post(&format!("{path}/reschedule")).json(&to).send().await.expect(200);
        }
        for (path, mut shown, cursor) in begun {
            shown.extend(rest(&app, path, 3, cursor).await);
            for index in [1, 3, 4, 6] {
                let id = paths[index].rsplit('/').next().unwrap();
                let times = shown.iter().filter(|item| item["id"] == id).count();
                assert_eq!(times, 1, "{path}: {index}");
            }
        }
    }
}

#[tokio::test]
async fn a_patients_visits_at_clinics_in_other_zones_are_sorted_by_instant_and_asked_for_by_local_date()
 {
    let app = TestApp::spawn().await;
    let zurich = app.ready_clinic().await;
    let mut clinics = vec![zurich.clone()];
    for zone in ["America/New_York", "Pacific/Auckland"] {
        let path = app.clinic_in(zone).await;
        let staff = app.staff_member(&path).await;
        clinics.push(ClinicMade { path, staff, ..zurich.clone() });
    }
    let [zurich, new_york, auckland] = &clinics[..] else { panic!() };
    let mut booked = Vec::new();
    for (clinic, start) in [
        (auckland, "2035-01-18T00:30:00+13:00"), // 2035-01-17T11:30Z
        (new_york, "2035-01-16T20:00:00-05:00"), // 2035-01-17T01:00Z
        (zurich, "2035-01-17T23:30:00+01:00"),   // 2035-01-17T22:30Z
        (zurich, "2035-01-17T00:15:00+01:00"),   // 2035-01-16T23:15Z
        (new_york, "2035-01-17T23:00:00-05:00"), // 2035-01-18T04:00Z
        (auckland, "2035-01-17T08:00:00+13:00"), // 2035-01-16T19:00Z
    ] {
        booked.push(id(&app.book(clinic, start, 30).await.expect(201)));
    }
    let sorted = |indices: &[usize]| -> Vec<&str> {
        indices.iter().map(|index| booked[*index].as_str()).collect()
    };
    let list = format!("/v1/patients/{}/appointments", zurich.patient);
    for (query, expected) in [
        ("", &[5, 3, 1, 0, 2, 4][..]),
        ("from=2035-01-17&to=2035-01-17", &[5, 3, 2, 4]),
        ("consistent=true", &[5, 3, 1, 0, 2, 4]),
        ("from=2035-01-17&to=2035-01-17&consistent=true", &[5, 3, 2, 4]),
        ("from=2035-01-18", &[0]),
        ("to=2035-01-16", &[1]),
        ("from=2035-01-19", &[]),
    ] {
        for limit in [1, 2, 6] {
            for (order, expected) in [
                ("ascending", sorted(expected)),
                ("descending", sorted(expected).into_iter().rev().collect()),
            ] {
                let path = format!("{list}?order={order}&{query}");
                let path = path.trim_end_matches('&');
                let items = rest(&app, path, limit, None).await;
                let shown: Vec<_> = items.iter().map(|item| item["id"].as_str().unwrap()).collect();
                assert_eq!(shown, expected, "{path}: {limit}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_moved_while_a_list_is_read_by_links_is_on_it_as_it_then_is() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let mut paths = Vec::new();
    for hour in [9, 10, 11] {
        paths.push(app.booked(&clinic, &format!("2035-01-16T{hour:02}:00:00")).await);
    }
    let list = app.get(&format!("/v1/patients/{}/appointments?consistent=true", clinic.patient));
    let (has_read, go_on) = app.wire.pause_before("BatchGetItem");
    let slow = tokio::spawn(list.send());
    has_read.await.unwrap();
    let to = json!({ "start": "2035-01-17T09:00:00" });
    app.post(&format!("{}/reschedule", paths[0])).json(&to).send().await.expect(200);
    app.delete(&paths[1]).send().await.expect(204);
    go_on.send(()).unwrap();
    let shown = slow.await.unwrap().expect(200).json();
    let shown = starts(shown["items"].as_array().unwrap()).join(" ");
    assert_eq!(shown, "2035-01-16T11:00:00+01:00 2035-01-17T09:00:00+01:00");
}
