//! Appointments that are missing in the day sheets: a restore can bring back half of a transaction, and sheets expire.

use aws_sdk_dynamodb::types::AttributeValue;
use clinic_api::store::{Item, attributes::string};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::{ClinicMade, Held, TestApp, booking};

const START: &str = "2035-01-16T09:00:00";

#[derive(Debug, Clone, Copy)]
enum Torn {
    /// The sheets exist, without entries.
    Entries,
    /// The sheets are missing.
    Sheets,
    /// Only the patients' sheets are missing.
    PatientSheets,
}

const EVERY_WAY: [Torn; 3] = [Torn::Entries, Torn::Sheets, Torn::PatientSheets];

/// Removes the entries of all day sheets, or the sheets.
async fn tear(app: &TestApp, how: Torn) {
    for mut item in app.all_items().await {
        if item["type"].as_s().unwrap() != "day_sheet" {
            continue;
        }
        match how {
            Torn::Entries => {
                item.insert("entries".to_owned(), AttributeValue::M([].into()));
                app.put_item(item).await;
            }
            Torn::PatientSheets if !item.contains_key("patient_id") => {}
            Torn::Sheets | Torn::PatientSheets => app.delete_item(&item).await,
        }
    }
}

async fn held_by(app: &TestApp, clinic: &ClinicMade) -> Held {
    let body = json!({
        "staff_id": clinic.staff, "patient_id": clinic.patient, "start": START, "duration_minutes": 30
    });
    let path = format!("{}/holds", clinic.path);
    Held::of(&app.post(&path).json(&body).send().await.expect(201))
}

#[tokio::test]
async fn an_appointment_without_its_entries_is_cancelled_moved_and_deleted() {
    for how in EVERY_WAY {
        let app = TestApp::spawn().await;
        let clinic = app.ready_clinic().await;
        let [cancelled, deleted, later, next_day] =
            ["09:00", "10:00", "11:00", "12:00"].map(|time| format!("2035-01-16T{time}:00"));
        let cancelled = app.booked(&clinic, &cancelled).await;
        let deleted = app.booked(&clinic, &deleted).await;
        let later = app.booked(&clinic, &later).await;
        let next_day = app.booked(&clinic, &next_day).await;
        tear(&app, how).await;
        app.post(&format!("{cancelled}/cancel")).send().await.expect(200);
        app.delete(&deleted).send().await.expect(204);
        let to = async |path: &str, start: &str| {
            let to: Value = json!({ "start": start });
            app.post(&format!("{path}/reschedule")).json(&to).send().await.expect(200);
        };
        to(&later, "2035-01-16T11:10:00").await;
        to(&next_day, "2035-01-17T12:00:00").await;
        app.check_day_sheets().await;
    }
}

#[tokio::test]
async fn a_hold_without_its_entries_can_be_released_confirmed_and_ended() {
    for how in EVERY_WAY {
        let app = TestApp::spawn().await;
        let clinic = app.ready_clinic().await;
        let with = |held: &Held| json!({ "hold_secret": held.secret });
        let released = held_by(&app, &clinic).await;
        tear(&app, how).await;
        let release = app.post(&format!("{}/release", released.path)).json(&with(&released));
        release.send().await.expect(200);
        app.check_day_sheets().await;
        let confirmed = held_by(&app, &clinic).await;
        tear(&app, how).await;
        let confirm = app.post(&format!("{}/confirm", confirmed.path)).json(&with(&confirmed));
        confirm.send().await.expect(200);
        app.check_day_sheets().await;
        app.delete(&confirmed.path.replace("holds", "appointments")).send().await.expect(204);
        held_by(&app, &clinic).await;
        tear(&app, how).await;
        app.clock.advance(SignedDuration::from_mins(11));
        app.booked(&clinic, START).await;
        if matches!(how, Torn::PatientSheets) {
            app.check_day_sheets().await;
        }
    }
}

/// An entry of a lapsed hold whose appointment is missing or differs. A booking of that time corrects the entry.
#[tokio::test]
async fn the_entry_of_a_lapsed_hold_without_its_hold_is_corrected() {
    for (status, code) in
        [(None, None), (Some("expired"), None), (Some("scheduled"), Some("staff_busy"))]
    {
        let app = TestApp::spawn().await;
        let clinic = app.ready_clinic().await;
        held_by(&app, &clinic).await;
        let mut items = app.all_items().await.into_iter();
        let is_hold = |item: &Item| item["type"].as_s().unwrap() == "appointment";
        let mut hold = items.rfind(is_hold).unwrap();
        match status {
            None => app.delete_item(&hold).await,
            Some(status) => {
                hold.insert("status".to_owned(), string(status));
                hold.remove("hold_expires_at");
                app.put_item(hold).await;
            }
        }
        app.clock.advance(SignedDuration::from_mins(11));
        let booked = app.book(&clinic, START, 30).await;
        match code {
            None => drop(booked.expect(201)),
            Some(code) => drop(booked.problem(409, code)),
        }
        if status.is_some() {
            app.check_day_sheets().await;
        }
    }
}

#[tokio::test]
async fn a_sheet_that_appears_meanwhile_is_read_again() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let cancelled = app.booked(&clinic, START).await;
    tear(&app, Torn::Sheets).await;
    // The first transaction finds no sheets. Before the second one, which checks that they are absent, another caller books.
    let (arrived, go_on) = app.wire.pause_after(1, "TransactWriteItems");
    let cancel = app.post(&format!("{cancelled}/cancel"));
    let cancelling = tokio::spawn(cancel.send());
    arrived.await.unwrap();
    let patient = app.patient().await;
    let other = booking(&clinic.staff, &patient, "2035-01-16T10:00:00", 30);
    app.post(&format!("{}/appointments", clinic.path)).json(&other).send().await.expect(201);
    go_on.send(()).unwrap();
    cancelling.await.unwrap().expect(200);
    app.check_day_sheets().await;
}

#[tokio::test]
async fn a_sheet_keeps_its_expiry_and_an_appointment_outlives_it() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let paths =
        [app.booked(&clinic, START).await, app.booked(&clinic, "2035-01-16T10:00:00").await];
    let sheets = async || {
        let mut items = app.all_items().await;
        items.retain(|item| item["type"].as_s().unwrap() == "day_sheet");
        items
    };
    let expire = |sheet: &clinic_api::store::Item| sheet["expires_at"].as_n().unwrap().clone();
    assert!(sheets().await.iter().all(|sheet| expire(sheet) == "2060380800"));
    app.clock.advance(SignedDuration::from_hours(24 * 100));
    for sheet in sheets().await {
        app.delete_item(&sheet).await;
    }
    app.post(&format!("{}/cancel", paths[0])).send().await.expect(200);
    let to = json!({ "start": "2035-05-16T09:00:00" });
    app.post(&format!("{}/reschedule", paths[1])).json(&to).send().await.expect(200);
    for path in paths {
        app.delete(&path).send().await.expect(204);
    }
    app.check_day_sheets().await;
}
