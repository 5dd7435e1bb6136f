//! `table verify`: it reports nothing on a table that the service wrote, and reports every kind of damage.

use aws_sdk_dynamodb::types::AttributeValue;
use clinic_api::{
    appointments::repo::verify::{Mismatch, verify},
    store::{Item, attributes::string},
};
use jiff::civil::date;
use serde_json::json;

use crate::support::{
    TestApp,
    process::{RemoteTable, text},
};

const START: &str = "2035-01-16T09:00:00Z";

async fn mismatches(app: &TestApp) -> (u64, Vec<Mismatch>) {
    let found = verify(&app.store, date(2035, 1, 1), 1e6, async |_| Ok(0)).await.unwrap();
    (found.appointments, found.mismatches().map(|(_, mismatch)| mismatch).collect())
}

fn entries(sheet: &mut Item) -> &mut std::collections::HashMap<String, AttributeValue> {
    match sheet.get_mut("entries") {
        Some(AttributeValue::M(entries)) => entries,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_the_service_writes_is_as_it_should_be() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    app.booked(&clinic, START).await;
    app.booked(&clinic, "2035-01-16T23:45:00Z").await;
    let cancelled = app.booked(&clinic, "2035-01-17T09:00:00Z").await;
    app.post(&format!("{cancelled}/cancel")).json(&json!({})).send().await.expect(200);
    let deleted = app.booked(&clinic, "2035-01-17T11:00:00Z").await;
    app.delete(&deleted).send().await.expect(204);
    app.wire.forget();
    assert_eq!(mismatches(&app).await, (2, vec![]));
    let calls = app.wire.take_calls();
    // For a segmented Scan, the embedded engine sorts the whole table for each page.
    assert!(calls.iter().all(|call| call.operation == "Scan" && call.request["Segment"].is_null()));
}

#[tokio::test]
async fn every_kind_of_damage_is_reported() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, START).await;
    let id: clinic_api::id::AppointmentId = path.rsplit('/').next().unwrap().parse().unwrap();
    let items = app.all_items().await;
    let of_type = |name: &'static str| {
        items.iter().filter(move |item| item["type"].as_s().unwrap() == name).cloned()
    };
    let sheets: Vec<Item> = of_type("day_sheet").collect();
    assert_eq!(sheets.len(), 2);

    let mut without = sheets[0].clone();
    entries(&mut without).clear();
    app.put_item(without).await;
    assert_eq!(mismatches(&app).await.1, [Mismatch::Missing(id.clone())]);

    let mut other_time = sheets[0].clone();
    for entry in entries(&mut other_time).values_mut() {
        let AttributeValue::M(entry) = entry else { panic!("{entry:?}") };
        entry.insert("end".to_owned(), AttributeValue::N("2052550800".to_owned()));
    }
    app.put_item(other_time).await;
    assert_eq!(mismatches(&app).await.1, [Mismatch::Differs(id.clone())]);
    app.put_item(sheets[0].clone()).await;
    assert_eq!(mismatches(&app).await, (1, vec![]));

    let appointment = of_type("appointment").next().unwrap();
    let mut cancelled = appointment.clone();
    cancelled.insert("status".to_owned(), AttributeValue::S("cancelled".to_owned()));
    app.put_item(cancelled).await;
    let stray = Mismatch::Stray(id.clone());
    assert_eq!(mismatches(&app).await, (0, vec![stray.clone(), stray]));

    app.put_item(appointment.clone()).await;
    let twin = clinic_api::id::AppointmentId::random_at(START.parse().unwrap(), date(2035, 1, 16));
    let mut overlapping = appointment;
    let sort = overlapping["SK"].as_s().unwrap().replace(id.as_str(), twin.as_str());
    overlapping.insert("SK".to_owned(), AttributeValue::S(sort));
    overlapping.insert("id".to_owned(), AttributeValue::S(twin.to_string()));
    app.put_item(overlapping).await;
    let (appointments, found) = mismatches(&app).await;
    assert_eq!(appointments, 2);
    let missing = found.iter().filter(|it| **it == Mismatch::Missing(twin.clone())).count();
    let overlaps = found.iter().filter(|it| matches!(it, Mismatch::Overlap(..))).count();
    let unlinked = found.iter().filter(|it| **it == Mismatch::Unlinked(twin.clone())).count();
    assert_eq!((missing, overlaps, unlinked, found.len()), (2, 2, 1, 5), "{found:?}");
}

#[tokio::test]
async fn links_and_appointments_without_each_other_are_reported() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, START).await;
    let id: clinic_api::id::AppointmentId = path.rsplit('/').next().unwrap().parse().unwrap();
    let of_type = |items: &[Item], name: &str| {
        items.iter().find(|item| item["type"].as_s().unwrap() == name).unwrap().clone()
    };
    let items = app.all_items().await;
    let link = of_type(&items, "appointment_link");
    app.delete_item(&link).await;
    assert_eq!(mismatches(&app).await, (1, vec![Mismatch::Unlinked(id.clone())]));
    // An appointment without a link can be moved, which creates one, and deleted.
    let to = json!({ "start": "2035-01-16T10:00:00Z" });
    app.post(&format!("{path}/reschedule")).json(&to).send().await.expect(200);
    assert_eq!(mismatches(&app).await, (1, vec![]));
    let link = of_type(&app.all_items().await, "appointment_link");
    app.delete(&path).send().await.expect(204);
    app.put_item(link).await;
    assert_eq!(mismatches(&app).await, (0, vec![Mismatch::StrayLink(id)]));
}

/// Simulates a change of the zone's rules after the booking: the instant is an hour off.
#[tokio::test]
async fn a_start_that_no_longer_matches_its_local_time_is_reported_and_corrected_by_a_move() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let shifted = async |start: &str| {
        let path = app.booked(&clinic, start).await;
        let id: clinic_api::id::AppointmentId = path.rsplit('/').next().unwrap().parse().unwrap();
        let items = app.all_items().await.into_iter();
        let mut item = items.filter(|item| item.get("id") == Some(&string(&id))).last().unwrap();
        assert!(item["tzdb_version"].as_s().unwrap().starts_with("20"));
        item.insert("local_start".to_owned(), string("2035-01-16T15:00:00"));
        item.insert("tzdb_version".to_owned(), string("2019a"));
        app.put_item(item).await;
        assert_eq!(mismatches(&app).await.1, [Mismatch::LocalTime(id)]);
        path
    };
    // A move to the requested local time, or to the stored instant. Both are moves.
    for (start, to, begins) in [
        (START, "2035-01-16T15:00:00", "2035-01-16T15:00:00"),
        ("2035-01-16T10:00:00Z", "2035-01-16T11:00:00", "2035-01-16T11:00:00"),
    ] {
        let path = shifted(start).await;
        let off = app.get(&path).send().await.expect(200).json();
        assert_eq!(off["local_start"], "2035-01-16T15:00:00");
        // A move that keeps the start keeps the requested local time.
        let longer = json!({ "duration_minutes": 20 });
        app.post(&format!("{path}/reschedule")).json(&longer).send().await.expect(200);
        assert_eq!(mismatches(&app).await.1.len(), 1);
        let to = json!({ "start": to });
        let moved = app.post(&format!("{path}/reschedule")).json(&to).send().await.expect(200);
        assert_eq!(moved.json()["local_start"], begins);
        assert_eq!(mismatches(&app).await.1, []);
        app.check_day_sheets().await;
    }
}

#[tokio::test]
async fn sheets_of_days_before_the_first_are_not_compared() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    app.booked(&clinic, "2035-01-16T23:45:00Z").await;
    for (from, appointments) in [(16, 1), (17, 1), (18, 0)] {
        let found = verify(&app.store, date(2035, 1, from), 1e6, async |_| Ok(0)).await.unwrap();
        assert_eq!((found.appointments, found.mismatches().count()), (appointments, 0), "{from}");
    }
    // Links never expire. All are compared, whatever their day.
    let items = app.all_items().await;
    let is_link = |item: &&Item| item["type"].as_s().unwrap() == "appointment_link";
    app.delete_item(items.iter().find(is_link).unwrap()).await;
    let found = verify(&app.store, date(2035, 1, 18), 1e6, async |_| Ok(0)).await.unwrap();
    let (_, mismatch) = found.mismatches().next().unwrap();
    assert!(matches!(mismatch, Mismatch::Unlinked(_)), "{mismatch}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_exits_with_what_it_found() {
    let folder = tempfile::tempdir().unwrap();
    let table = RemoteTable::missing().await;
    let verify = || table.program(folder.path()).args(["table", "verify"]).output().unwrap();
    assert!(!verify().status.success(), "there is no table yet");
    table.create(folder.path());
    let verified = verify();
    assert!(verified.status.success(), "{}", text(&verified));
    assert!(text(&verified).contains("0 mismatches"), "{}", text(&verified));
}
