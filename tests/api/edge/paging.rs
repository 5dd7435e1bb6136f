//! Pagination of lists.

use std::collections::BTreeSet;

use clinic_api::{
    appointments::model::{Appointment, Status},
    store::Entity,
};
use serde_json::{Value, json};

use crate::support::{ClinicMade, TestApp, write_context};

/// Follows a list to its end. Returns its items and the number of pages, and asserts that no page has more than `limit` items.
async fn follow(app: &TestApp, path: &str, limit: usize) -> (Vec<Value>, usize) {
    let separator = if path.contains('?') { '&' } else { '?' };
    let (mut items, mut pages) = (Vec::new(), 0);
    let mut cursor = String::new();
    loop {
        let page = app
            .get(&format!("{path}{separator}limit={limit}{cursor}"))
            .send()
            .await
            .expect(200)
            .json();
        let part = page["items"].as_array().unwrap();
        assert!(part.len() <= limit);
        items.extend(part.clone());
        pages += 1;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (items, pages),
        }
    }
}

/// Puts past, cancelled appointments into a clinic's partition.
async fn fill(app: &TestApp, clinic: &ClinicMade, number: usize) {
    let (clinic_id, staff_id) = (clinic.path.rsplit('/').next().unwrap(), &clinic.staff);
    let appointment = || {
        let (clinic_id, staff_id) = (clinic_id.parse().unwrap(), staff_id.parse().unwrap());
        let start = "2034-06-01T09:00:00Z".parse().unwrap();
        let new = Appointment::new(clinic_id, "Europe/Zurich".parse().unwrap(), staff_id, start);
        let patient_id = Some(clinic.patient.parse().unwrap());
        Appointment { patient_id, duration_minutes: 30, status: Status::Cancelled, ..new }
    };
    let context = write_context("fill");
    let mut left = number;
    while left > 0 {
        let part = left.min(100);
        let writes = (0..part).map(|_| Entity::new(appointment(), &context).create().unwrap());
        app.store.commit(&context, writes.collect()).await.unwrap();
        left -= part;
    }
}

async fn made(app: &TestApp, number: usize) -> Vec<String> {
    let mut paths = Vec::new();
    for _ in 0..number {
        paths.push(app.clinic().await);
    }
    paths
}

#[tokio::test]
async fn every_list_is_followed_to_its_end_once_and_whole() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    made(&app, 6).await;
    for _ in 0..6 {
        app.staff_member(&clinic.path).await;
    }
    for day in 16..23 {
        app.booked(&clinic, &format!("2035-01-{day}T09:00:00")).await;
    }
    let lists = [
        "/v1/clinics".to_owned(),
        format!("{}/staff", clinic.path),
        format!("{}/appointments", clinic.path),
        format!("{}/appointments?order=descending", clinic.path),
        format!("{}/appointments?month=2035-01&status=scheduled", clinic.path),
        format!("/v1/patients/{}/appointments", clinic.patient),
        format!("/v1/patients/{}/appointments?order=descending", clinic.patient),
    ];
    for path in lists {
        let (whole, _) = follow(&app, &path, 100).await;
        assert_eq!(whole.len(), 7, "{path}");
        for limit in [1, 2, 3, 7] {
            let (items, pages) = follow(&app, &path, limit).await;
            assert_eq!(items, whole, "{path} by {limit}");
            assert!(pages >= 7_usize.div_ceil(limit));
        }
    }
}

#[tokio::test]
async fn the_overview_is_followed_to_its_end() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    for _ in 0..4 {
        app.staff_member(&clinic.path).await;
    }
    for day in 16..20 {
        app.booked(&clinic, &format!("2035-01-{day}T09:00:00")).await;
    }
    let (mut staff, mut appointments) = (BTreeSet::new(), Vec::new());
    let mut cursor = String::new();
    loop {
        let path = format!("{}/overview?limit=3{cursor}", clinic.path);
        let page = app.get(&path).send().await.expect(200).json();
        let id = page["clinic"]["id"].as_str().unwrap();
        assert!(clinic.path.ends_with(id), "every page has the clinic");
        let ids = |list: &str| {
            let list = page[list].as_array().unwrap().clone();
            list.into_iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        staff.extend(ids("staff"));
        appointments.extend(page["appointments"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!((staff.len(), appointments.len()), (5, 4));
    let starts: Vec<_> = appointments.iter().map(|one| one["start"].as_str().unwrap()).collect();
    assert!(starts.is_sorted_by(|a, b| a > b), "{starts:?}");
}

#[tokio::test]
async fn a_filtered_page_reads_a_bounded_number_of_items_and_says_where_to_go_on() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    fill(&app, &clinic, 1100).await;
    let booked = app.booked(&clinic, "2035-01-16T09:00:00").await;
    app.wire.forget();
    let path = format!("{}/appointments?status=scheduled", clinic.path);
    let page = app.get(&path).send().await.expect(200).json();
    assert_eq!(page["items"], json!([]));
    assert!(page["next_cursor"].is_string(), "an empty page is not the end");
    let calls = app.wire.take_calls();
    let queries = calls.iter().filter(|call| call.operation == "Query").count();
    assert_eq!(queries, 4);
    let (items, pages) = follow(&app, &path, 25).await;
    assert_eq!(pages, 2);
    assert_eq!(items, [app.get(&booked).send().await.json()]);
}

#[tokio::test]
async fn a_cursor_is_good_for_its_list_and_caller_alone() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let other_clinic = app.ready_clinic().await;
    for day in 16..19 {
        app.booked(&clinic, &format!("2035-01-{day}T09:00:00")).await;
    }
    let list = format!("{}/appointments", clinic.path);
    let page = app.get(&format!("{list}?limit=1")).send().await.expect(200).json();
    let cursor = page["next_cursor"].as_str().unwrap();
    // The limit may change between pages.
    app.get(&format!("{list}?limit=2&cursor={cursor}")).send().await.expect(200);
    let elsewhere = [
        format!("{list}?order=descending&cursor={cursor}"),
        format!("{list}?status=scheduled&cursor={cursor}"),
        format!("{list}?date=2035-01-16&cursor={cursor}"),
        format!("{}/appointments?cursor={cursor}", other_clinic.path),
        format!("{}/staff?cursor={cursor}", clinic.path),
        format!("{}/overview?cursor={cursor}", clinic.path),
        format!("/v1/clinics?cursor={cursor}"),
        format!("/v1/patients/{}/appointments?cursor={cursor}", clinic.patient),
    ];
    for path in elsewhere {
        app.get(&path).send().await.problem(400, "invalid_cursor");
    }
    // A cursor of the index is not valid for the table.
    let of_patient = format!("/v1/patients/{}/appointments", clinic.patient);
    for (first, then) in [("false", "true"), ("true", "false")] {
        let page = app.get(&format!("{of_patient}?limit=1&consistent={first}")).send().await;
        let cursor = page.expect(200).json()["next_cursor"].as_str().unwrap().to_owned();
        let same = format!("{of_patient}?consistent={first}&cursor={cursor}");
        app.get(&same).send().await.expect(200);
        let other = format!("{of_patient}?consistent={then}&cursor={cursor}");
        app.get(&other).send().await.problem(400, "invalid_cursor");
    }
    let other_org = app.in_org("ORG-OTHER");
    other_org.get(&format!("{list}?cursor={cursor}")).send().await.problem(400, "invalid_cursor");
}

#[tokio::test]
async fn a_changed_cursor_is_refused() {
    let app = TestApp::spawn().await;
    made(&app, 2).await;
    let page = app.get("/v1/clinics?limit=1").send().await.expect(200).json();
    let cursor = page["next_cursor"].as_str().unwrap();
    for at in (0..cursor.len()).step_by(7) {
        let mut changed: Vec<char> = cursor.chars().collect();
        changed[at] = if changed[at] == 'A' { 'B' } else { 'A' };
        let changed: String = changed.into_iter().collect();
        app.get(&format!("/v1/clinics?cursor={changed}"))
            .send()
            .await
            .problem(400, "invalid_cursor");
    }
    for rubbish in ["", "x", "%00", "AAAA", &cursor[1..], &format!("{cursor}A")] {
        let refused = app.get(&format!("/v1/clinics?cursor={rubbish}")).send().await;
        refused.problem(400, "invalid_cursor");
    }
}
