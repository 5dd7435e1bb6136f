//! `GET /v1/clinics` and `GET /v1/clinics/{clinic_id}/overview`.

use clinic_api::http::auth::{Principal, Role, principal::Clinics};
use serde_json::{Value, json};

use crate::support::{
    TestApp,
    callers::{principal, token},
};

#[tokio::test]
async fn clinics_are_listed_the_newest_first() {
    let app = TestApp::spawn().await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(app.clinic().await);
        app.clock.advance(jiff::SignedDuration::from_millis(1));
    }
    let listed = app.get("/v1/clinics").send().await.expect(200).json();
    let ids = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|clinic| format!("/v1/clinics/{}", clinic["id"].as_str().unwrap()));
    made.reverse();
    assert_eq!(ids.collect::<Vec<_>>(), made);
    assert_eq!(listed["next_cursor"], json!(null));
}

#[tokio::test]
async fn the_overview_has_the_clinic_its_staff_and_its_appointments_the_latest_first() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let first = app.booked(&clinic, "2035-01-16T09:00:00").await;
    let second = app.booked(&clinic, "2035-01-17T09:00:00").await;
    let overview = app.get(&format!("{}/overview", clinic.path)).send().await.expect(200).json();
    assert_eq!(overview["clinic"], app.get(&clinic.path).send().await.json());
    assert_eq!(overview["staff"][0]["id"], clinic.staff.as_str());
    let appointments = overview["appointments"].as_array().unwrap();
    assert_eq!(appointments.len(), 2);
    assert_eq!(appointments[0], app.get(&second).send().await.json());
    assert_eq!(appointments[1], app.get(&first).send().await.json());
    assert_eq!(overview["next_cursor"], json!(null));
}

/// The list of clinics for a caller whose token names these clinics, page by page.
async fn pages(app: &TestApp, clinics: &[&String], limit: usize) -> Vec<Vec<String>> {
    let id = |path: &&String| path.rsplit('/').next().unwrap().parse().unwrap();
    let clinics = Clinics::Some(clinics.iter().map(id).collect());
    let app = app.with_bearer(token(&Principal { clinics, ..principal(Role::Manager) }));
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = app.get(&format!("/v1/clinics?limit={limit}{cursor}")).send().await.expect(200);
        let items = page.json()["items"].as_array().unwrap().clone();
        let path = |clinic: &Value| format!("/v1/clinics/{}", clinic["id"].as_str().unwrap());
        pages.push(items.iter().map(path).collect());
        match page.json()["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return pages,
        }
    }
}

#[tokio::test]
async fn a_caller_with_few_clinics_gets_no_empty_pages() {
    let app = TestApp::builder().without_rates().spawn().await;
    let mut made = Vec::new();
    for _ in 0..120 {
        made.push(app.clinic().await);
        app.clock.advance(jiff::SignedDuration::from_millis(1));
    }
    let foreign = app.in_org("ORG-ELSEWHERE").clinic().await;
    app.delete(&made[50]).send().await.expect(204);
    let named = [&made[100], &made[3], &foreign, &made[50], &made[70], &made[4]];
    app.wire.forget();
    let own = |places: &[usize]| places.iter().map(|at| made[*at].clone()).collect::<Vec<_>>();
    assert_eq!(pages(&app, &named, 3).await, [own(&[100, 70, 4]), own(&[3])]);
    let calls = app.wire.take_calls();
    let reads = calls.iter().map(|call| call.operation.as_str()).collect::<Vec<_>>();
    assert_eq!(reads, ["BatchGetItem"; 2]);
    assert_eq!(pages(&app, &named, 4).await, [own(&[100, 70, 4, 3])]);
    assert_eq!(pages(&app, &[&foreign], 4).await, [own(&[])]);
    app.wire.forget();
    assert_eq!(pages(&app, &[], 4).await, [own(&[])]);
    assert_eq!(app.wire.take_calls(), []);
    // More clinics than one BatchGetItem reads are listed from the index, without those of others.
    let many: Vec<_> = made[..110].iter().collect();
    let listed = pages(&app, &many, 100).await.concat();
    let expected = made[..110].iter().rev().filter(|path| **path != made[50]);
    assert_eq!(listed, expected.cloned().collect::<Vec<_>>());
}
