//! Repair: a restore can tear transactions in every way; afterwards the day sheets match the appointments.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use clinic_api::{
    appointments::repo::{
        repair::{Repair, repair},
        verify::{Mismatch, verify},
    },
    store::Item,
    time::Clock as _,
};
use jiff::civil::date;
use serde_json::json;

use crate::support::{
    ClinicMade, TestApp, booking,
    process::{RemoteTable, text},
};

const START: &str = "2035-01-16T09:00:00";

async fn repaired(app: &TestApp) -> Repair {
    let found = verify(&app.store, date(2035, 1, 1), 1e6, async |_| Ok(0)).await.unwrap();
    repair(&app.store, &found, app.clock.now()).await.unwrap()
}

async fn items_of_type(app: &TestApp, name: &str) -> Vec<Item> {
    let mut items = app.all_items().await;
    items.retain(|item| item["type"].as_s().unwrap() == name);
    items
}

fn entries(sheet: &mut Item) -> &mut HashMap<String, AttributeValue> {
    match sheet.get_mut("entries") {
        Some(AttributeValue::M(entries)) => entries,
        other => panic!("{other:?}"),
    }
}

fn id_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

async fn change_sheets(app: &TestApp, change: impl Fn(&mut HashMap<String, AttributeValue>)) {
    for mut sheet in items_of_type(app, "day_sheet").await {
        change(entries(&mut sheet));
        app.put_item(sheet).await;
    }
}

async fn change_appointment(app: &TestApp, path: &str, change: impl Fn(&mut Item)) {
    let mut all = items_of_type(app, "appointment").await.into_iter();
    let mut item = all.find(|item| item["id"].as_s().unwrap() == id_of(path)).unwrap();
    change(&mut item);
    app.put_item(item).await;
}

/// A booking with a room across UTC midnight, and one within a day.
async fn two_booked(app: &TestApp) -> (ClinicMade, [String; 2]) {
    let clinic = app.ready_clinic().await;
    let mut first = booking(&clinic.staff, &clinic.patient, "2035-01-16T23:45:00Z", 30);
    first["resource_ids"] = json!([app.resource(&clinic.path).await]);
    let path = format!("{}/appointments", clinic.path);
    let first = app.post(&path).json(&first).send().await.expect(201).location();
    let second = app.booked(&clinic, "2035-01-16T22:00:00Z").await;
    (clinic, [first, second])
}

/// Repairs this number of mismatches. Then everything is consistent, and all operations work.
async fn repair_and_go_on(app: &TestApp, mismatches: usize, left: Option<(&ClinicMade, &str)>) {
    let repair = repaired(app).await;
    assert_eq!((repair.repaired.len(), repair.left), (mismatches, vec![]), "{:?}", repair.repaired);
    app.check_day_sheets().await;
    let again = repaired(app).await;
    assert_eq!((again.repaired, again.left), (vec![], vec![]));
    if let Some((clinic, path)) = left {
        let to = json!({ "start": "2035-01-18T09:00:00" });
        app.post(&format!("{path}/reschedule")).json(&to).send().await.expect(200);
        app.post(&format!("{path}/cancel")).send().await.expect(200);
        app.delete(path).send().await.expect(204);
        app.booked(clinic, "2035-01-18T09:00:00").await;
    }
    app.check_day_sheets().await;
}

#[tokio::test]
async fn entries_that_are_missing_are_entered() {
    let app = TestApp::spawn().await;
    let (clinic, [first, second]) = two_booked(&app).await;
    change_sheets(&app, |entries| {
        entries.remove(id_of(&first));
    })
    .await;
    repair_and_go_on(&app, 6, None).await;
    app.book(&clinic, "2035-01-16T23:45:00Z", 30).await.problem(409, "staff_busy");
    for sheet in items_of_type(&app, "day_sheet").await {
        app.delete_item(&sheet).await;
    }
    repair_and_go_on(&app, 8, Some((&clinic, &second))).await;
}

#[tokio::test]
async fn entries_without_an_appointment_are_removed() {
    let app = TestApp::spawn().await;
    let (clinic, [first, second]) = two_booked(&app).await;
    for appointment in items_of_type(&app, "appointment").await {
        if appointment["id"].as_s().unwrap() == id_of(&first) {
            app.delete_item(&appointment).await;
        }
    }
    app.book(&clinic, "2035-01-16T23:45:00Z", 30).await.problem(409, "staff_busy");
    // The entries of two days in three sheets, and the patient's link.
    repair_and_go_on(&app, 7, None).await;
    app.booked(&clinic, "2035-01-16T23:45:00Z").await;
    // A cancellation whose sheets were restored to their earlier state.
    change_appointment(&app, &second, |item| {
        item.insert("status".to_owned(), AttributeValue::S("cancelled".to_owned()));
    })
    .await;
    repair_and_go_on(&app, 2, None).await;
    app.booked(&clinic, "2035-01-16T22:00:00Z").await;
}

#[tokio::test]
async fn entries_at_another_time_or_of_a_hold_are_set_right() {
    let app = TestApp::spawn().await;
    let (clinic, [_, second]) = two_booked(&app).await;
    let end = AttributeValue::N("2052550800".to_owned());
    for (name, value) in [("end", &end), ("hold_expires_at", &end)] {
        change_sheets(&app, |entries| {
            if let Some(AttributeValue::M(entry)) = entries.get_mut(id_of(&second)) {
                entry.insert(name.to_owned(), value.clone());
            }
        })
        .await;
        repair_and_go_on(&app, 2, None).await;
    }
    repair_and_go_on(&app, 0, Some((&clinic, &second))).await;
}

#[tokio::test]
async fn the_entry_of_a_hold_that_is_gone_is_removed() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    app.held(&clinic, START, 10).await;
    let hold = items_of_type(&app, "appointment").await.remove(0);
    app.delete_item(&hold).await;
    app.clock.advance(jiff::SignedDuration::from_mins(11));
    repair_and_go_on(&app, 1, None).await;
    app.booked(&clinic, START).await;
}

#[tokio::test]
async fn appointments_that_overlap_are_entered_and_reported_and_left() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let lost = app.booked(&clinic, START).await;
    change_sheets(&app, HashMap::clear).await;
    let other = app.booked(&clinic, "2035-01-16T09:10:00").await;
    let repair = repaired(&app).await;
    assert_eq!(repair.repaired.len(), 2);
    assert_eq!(repair.left.len(), 2);
    for (_, mismatch) in &repair.left {
        assert!(matches!(mismatch, Mismatch::Overlap(..)), "{mismatch}");
    }
    let again = repaired(&app).await;
    assert_eq!((again.repaired.len(), again.left), (0, repair.left));
    // An operator resolves it by moving one of them.
    let to = json!({ "start": "2035-01-16T09:40:00" });
    app.post(&format!("{lost}/reschedule")).json(&to).send().await.expect(200);
    assert_eq!(repaired(&app).await.left, []);
    app.post(&format!("{other}/cancel")).send().await.expect(200);
    app.check_day_sheets().await;
}

/// A move whose pointer is missing, or names the previous place.
#[tokio::test]
async fn an_appointment_that_its_id_does_not_lead_to_is_found_again() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, START).await;
    let move_to = async |start: &str| {
        let to = json!({ "start": start });
        app.post(&format!("{path}/reschedule")).json(&to).send().await.expect(200);
        items_of_type(&app, "moved_appointment").await.remove(0)
    };
    let first = move_to("2035-01-17T09:00:00Z").await;
    let second = move_to("2035-01-18T09:00:00Z").await;
    for pointer in [None, Some(first)] {
        match pointer {
            None => app.delete_item(&second).await,
            Some(stale) => app.put_item(stale).await,
        }
        change_sheets(&app, HashMap::clear).await;
        app.get(&path).send().await.problem(404, "not_found");
        // The pointer, and the entries of the staff member and the patient.
        repair_and_go_on(&app, 3, None).await;
        app.get(&path).send().await.expect(200);
        app.book(&clinic, "2035-01-18T09:00:00Z", 30).await.problem(409, "staff_busy");
    }
    let repaired = items_of_type(&app, "moved_appointment").await.remove(0);
    assert_eq!(repaired["rev"], second["rev"]);
    let back = app.post(&format!("{path}/reschedule")).json(&json!({ "start": START }));
    back.send().await.expect(200);
    repair_and_go_on(&app, 0, Some((&clinic, &path))).await;
}

#[tokio::test]
async fn what_the_service_changes_meanwhile_is_read_again() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let cancelled = app.booked(&clinic, START).await;
    change_sheets(&app, HashMap::clear).await;
    let found = verify(&app.store, date(2035, 1, 1), 1e6, async |_| Ok(0)).await.unwrap();
    assert_eq!(found.mismatches().count(), 2);
    let (arrived, go_on) = app.wire.pause_before("TransactWriteItems");
    let (store, now) = (app.store.clone(), app.clock.now());
    let repairing = tokio::spawn(async move { repair(&store, &found, now).await.unwrap() });
    arrived.await.unwrap();
    app.post(&format!("{cancelled}/cancel")).send().await.expect(200);
    app.delete(&cancelled).send().await.expect(204);
    app.booked(&clinic, START).await;
    go_on.send(()).unwrap();
    let repair = repairing.await.unwrap();
    assert_eq!((repair.repaired, repair.left), (vec![], vec![]));
    app.check_day_sheets().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_repairs_and_exits_with_what_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let table = RemoteTable::missing().await;
    table.create(folder.path());
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    app.booked(&clinic, START).await;
    for item in items_of_type(&app, "appointment").await {
        let put = table.client().put_item().table_name(&table.name);
        put.set_item(Some(item)).send().await.unwrap();
    }
    let verify = |more: &[&str]| {
        table.program(folder.path()).args(["table", "verify"]).args(more).output().unwrap()
    };
    let torn = verify(&[]);
    assert!(!torn.status.success(), "{}", text(&torn));
    assert!(text(&torn).contains("2 mismatches"), "{}", text(&torn));
    let repaired = verify(&["--repair"]);
    assert!(repaired.status.success(), "{}", text(&repaired));
    assert!(text(&repaired).contains("0 mismatches, 2 repaired"), "{}", text(&repaired));
    assert!(verify(&[]).status.success());
}

#[tokio::test]
async fn a_link_that_is_missing_is_written() {
    let app = TestApp::spawn().await;
    let (_, [first, second]) = two_booked(&app).await;
    for link in items_of_type(&app, "appointment_link").await {
        app.delete_item(&link).await;
    }
    // An appointment without its link can be cancelled. That does not create the link.
    app.post(&format!("{second}/cancel")).send().await.expect(200);
    let repair = repaired(&app).await;
    assert_eq!((repair.repaired.len(), repair.left), (2, vec![]), "{:?}", repair.repaired);
    app.check_day_sheets().await;
    app.post(&format!("{first}/cancel")).send().await.expect(200);
}

/// A move of which the table has one half: neither copy is assumed to be right.
#[tokio::test]
async fn an_appointment_that_is_stored_twice_is_left() {
    let app = TestApp::spawn().await;
    let (clinic, [_, second]) = two_booked(&app).await;
    let old = items_of_type(&app, "appointment").await.into_iter();
    let old: Vec<_> = old.filter(|item| item["id"].as_s().unwrap() == id_of(&second)).collect();
    let to = json!({ "start": "2035-01-16T20:00:00Z" });
    app.post(&format!("{second}/reschedule")).json(&to).send().await.expect(200);
    app.put_item(old[0].clone()).await;
    let repair = repaired(&app).await;
    assert_eq!(repair.repaired, vec![]);
    let of = format!("{} is stored twice", id_of(&second));
    assert!(repair.left.iter().any(|(_, left)| left.to_string() == of), "{:?}", repair.left);
    // The new time stays occupied.
    app.book(&clinic, "2035-01-16T20:00:00Z", 30).await.problem(409, "staff_busy");
}
