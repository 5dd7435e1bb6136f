//! Backfilling: up-to-date items stay as they are, outdated ones are rewritten while requests go
//! on.

mod failures;
mod races;

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use clinic_api::{
    aggregates,
    records::patients::repo::Reindex,
    store::{
        Item,
        backfill::{Backfill, Tally},
        scan::Segment,
    },
    time::Clock as _,
};
use serde_json::json;

use crate::support::{
    ClinicMade, TestApp,
    builder::search_of_tests,
    document::{good_body, plain_collections},
    process::{RemoteTable, Running, text},
};

const START: &str = "2035-01-16T09:00:00Z";

fn tally(examined: u64, rewritten: u64, failed: u64) -> Tally {
    Tally { examined, rewritten, failed }
}

async fn backfill_segment(app: &TestApp, segment: Segment, dry_run: bool) -> (Tally, Vec<String>) {
    let backfill = Backfill { item_types: aggregates::item_types(), rate: 1e6, dry_run };
    let (mut sum, mut all) = (Tally::default(), Vec::new());
    let tell = |tally, failures| {
        sum += tally;
        all.extend(failures);
    };
    let also = async |item: Item| {
        if item["type"].as_s().unwrap() != "patient" {
            return Ok(false);
        }
        let (search, now) = (search_of_tests(), app.clock.now());
        Reindex { search, now, lost_keys: false, dry_run }.run(&app.store, &item).await
    };
    backfill.run(&app.store, segment, also, tell).await.unwrap();
    (sum, all)
}

async fn backfill(app: &TestApp) -> (Tally, Vec<String>) {
    backfill_segment(app, Segment::WHOLE, false).await
}

/// Items of every type: a day of a clinic.
async fn everything(app: &TestApp) -> ClinicMade {
    let clinic = app.ready_clinic().await;
    let patient = json!({ "name": "Ida", "mrn": "M-4711", "birth_date": "1984-02-29" });
    app.post("/v1/patients").idempotent("key").json(&patient).send().await.expect(201);
    app.booked(&clinic, START).await;
    let cancelled = app.booked(&clinic, "2035-01-16T23:45:00Z").await;
    let cancel = json!({ "reason": "ill" });
    app.post(&format!("{cancelled}/cancel")).json(&cancel).send().await.expect(200);
    let deleted = app.booked(&clinic, "2035-01-17T09:00:00Z").await;
    app.delete(&deleted).send().await.expect(204);
    for collection in plain_collections() {
        let all = format!("{}/{collection}", clinic.path);
        app.post(&all).json(&good_body(&collection)).send().await.expect(201);
    }
    app.closed(&clinic.path, "2035-02-01", "2035-02-01").await;
    let webhook = app.webhook("https://hooks.example.org/clinic").await;
    app.delivery(&webhook).await;
    clinic
}

fn types(items: &[Item]) -> BTreeSet<&str> {
    items.iter().map(|item| item["type"].as_s().unwrap().as_str()).collect()
}

/// The number of occurrences of a text in the code under a folder.
fn count(folder: &std::path::Path, text: &str) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let count_in = |path: std::path::PathBuf| match path.is_dir() {
        true => count(&path, text),
        false if path.ends_with("shape/tests.rs") => 0,
        false => std::fs::read_to_string(&path).unwrap().matches(text).count(),
    };
    entries.map(count_in).sum()
}

#[test]
fn every_record_of_the_code_is_an_item_type() {
    let item_types = aggregates::item_types();
    let names: BTreeSet<_> = item_types.iter().map(|item_type| item_type.name).collect();
    assert_eq!(names.len(), item_types.len(), "a type has one name");
    let src = std::path::Path::new("src");
    let records = count(src, "impl Record for ") + count(src, "impl ClinicDetails for ");
    let others = ["idempotency", "search_entry", "identifier"];
    assert_eq!(names.len(), records + others.len(), "{others:?} are no Records");
}

#[tokio::test]
async fn what_is_stored_as_it_would_be_today_is_left_alone() {
    let app = TestApp::spawn().await;
    let clinic = everything(&app).await;
    app.get(&format!("/v1/patients/{}", clinic.patient)).send().await.expect(200);
    app.settle().await;
    app.process_changes().await;
    let before = app.all_items_and_accesses().await;
    assert_eq!(
        types(&before).len(),
        aggregates::item_types().len() - 8,
        "{:?}: all but a pointer, a merge, and what workers leave",
        types(&before)
    );
    app.wire.forget();
    let (done, failures) = backfill(&app).await;
    assert_eq!((done, failures), (tally(before.len() as u64, 0, 0), vec![]));
    assert!(app.wire.take_calls().iter().all(|call| call.operation != "PutItem"));
}

#[tokio::test]
async fn index_keys_that_are_missing_are_set_and_readers_see_the_same_record() {
    let app = TestApp::spawn().await;
    let clinic = everything(&app).await;
    let list = format!("/v1/patients/{}/appointments", clinic.patient);
    let listed = app.get(&list).send().await.expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    let path = format!("{}/appointments?date=2035-01-16", clinic.path);
    let before = app.get(&path).send().await.expect(200).json();
    let items = app.all_items().await;
    for item in items.iter().filter(|item| item["type"].as_s().unwrap() == "appointment") {
        let mut item = item.clone();
        item.retain(|name, _| !name.starts_with("GSI1"));
        item.insert("note_of_an_operator".to_owned(), AttributeValue::S("kept".to_owned()));
        app.put_item(item).await;
    }
    assert_eq!(app.get(&list).send().await.json()["items"], json!([]));

    app.settle().await;
    let all = app.all_items_and_accesses().await.len() as u64;
    assert_eq!(backfill_segment(&app, Segment::WHOLE, true).await.0, tally(all, 2, 0));
    assert_eq!(app.get(&list).send().await.json()["items"], json!([]), "a dry run writes nothing");
    let mut sum = Tally::default();
    for number in 0..3 {
        sum += backfill_segment(&app, Segment { number, of: 3 }, false).await.0;
    }
    assert_eq!(sum, tally(all, 2, 0));
    assert_eq!(app.get(&list).send().await.json(), listed);
    assert_eq!(app.get(&path).send().await.json(), before);
    let kept = app.all_items().await;
    assert_eq!(kept.iter().filter(|item| item.contains_key("note_of_an_operator")).count(), 2);
    assert_eq!(backfill(&app).await.0, tally(all, 0, 0));
    app.check_day_sheets().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_tells_what_it_did() {
    let folder = tempfile::tempdir().unwrap();
    let table = RemoteTable::missing().await;
    table.create(folder.path());
    let mut serve = table.program(folder.path());
    let running = Running::launch(serve.args(["--listen", "127.0.0.1:0"]), 4);
    for _ in 0..3 {
        let made = running.send("POST", "/v1/patients", Some(json!({ "name": "Ida" }))).await;
        assert_eq!(made.0, 201);
    }
    let backfill = |arguments: &[&str]| {
        let mut command = table.program(folder.path());
        command.args(["table", "backfill"]).args(arguments).output().unwrap()
    };
    let done = backfill(&["--segments", "3", "--rate", "100"]);
    assert!(done.status.success(), "{}", text(&done));
    assert!(text(&done).starts_with("16 items: 0 rewritten, 0 failed"), "{}", text(&done));
    let dry = backfill(&["--dry-run"]);
    assert!(text(&dry).contains("0 would be rewritten"), "{}", text(&dry));
    assert!(!backfill(&["--rate", "0"]).status.success());
    assert!(!backfill(&["--segments", "0"]).status.success());
}
