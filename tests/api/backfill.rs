//! Backfilling: what is stored as it would be today is left alone, the rest is written anew, and nobody notices.

use std::{cell::Cell, collections::BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use clinic_api::{
    aggregates,
    store::{
        Item,
        backfill::{Backfill, Tally},
        scan::Segment,
    },
};
use serde_json::json;

use crate::support::{
    ClinicMade, Fault, TestApp,
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
    backfill.run(&app.store, segment, tell).await.unwrap();
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

/// How often a text stands in the code below a folder.
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
    assert_eq!(names.len(), records + 1, "idempotency is no Record");
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
        aggregates::item_types().len() - 4,
        "{:?}: all but a pointer, and what workers leave",
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

#[tokio::test]
async fn what_can_not_be_rewritten_is_told_without_what_is_known_of_patients() {
    let app = TestApp::spawn().await;
    everything(&app).await;
    let items = app.all_items().await;
    let of_type = |name: &str| {
        items.iter().find(|item| item["type"].as_s().unwrap() == name).unwrap().clone()
    };
    let number = |n: u8| AttributeValue::N(n.to_string());
    let mut newer = of_type("staff");
    newer.insert("v".to_owned(), number(9));
    let mut broken = of_type("record_number");
    broken.insert("patient_id".to_owned(), AttributeValue::S("4711-Secret".to_owned()));
    let mut unknown = of_type("clinic");
    unknown.insert("type".to_owned(), AttributeValue::S("Secret 4711".to_owned()));
    let mut outdated = of_type("patient");
    outdated.remove("GSI1PK");
    outdated.remove("GSI1SK");
    for item in [&newer, &broken, &unknown, &outdated] {
        app.put_item(item.clone()).await;
    }
    let (done, mut failures) = backfill(&app).await;
    assert_eq!(done, tally(items.len() as u64, 1, 3), "the others are done");
    failures.sort();
    assert!(failures[0].starts_with("item of no type of ours CLINIC#CLN-"), "{failures:?}");
    assert!(failures[0].ends_with("unknown type"), "{failures:?}");
    assert!(failures[1].starts_with("record_number MRN#… / META: "), "{failures:?}");
    assert!(failures[1].ends_with("patient_id is not as it should be"), "{failures:?}");
    assert!(failures[2].contains("shape 9"), "{failures:?}");
    assert!(!format!("{failures:?}").contains("4711"));
    let after = app.all_items().await;
    for item in [newer, broken, unknown] {
        assert!(after.contains(&item), "what failed is as it was");
    }
}

#[tokio::test]
async fn attributes_that_are_not_known_stay_inside_of_maps_too() {
    let app = TestApp::spawn().await;
    let clinic = everything(&app).await;
    let mut sheets = 0;
    for mut item in app.all_items().await {
        if let Some(AttributeValue::M(entries)) = item.get_mut("entries") {
            for entry in entries.values_mut() {
                let AttributeValue::M(entry) = entry else { panic!("{entry:?}") };
                entry.insert("kind_of_later".to_owned(), AttributeValue::Bool(true));
            }
            sheets += 1;
            app.put_item(item).await;
        }
    }
    assert!(sheets > 0);
    let before = app.all_items().await;
    assert_eq!(backfill(&app).await.0, tally(before.len() as u64, 0, 0));
    let after = app.all_items().await;
    assert!(before.iter().all(|item| after.contains(item)));
    app.get(&clinic.path).send().await.expect(200);
}

#[tokio::test]
async fn an_item_under_another_key_than_its_own_is_told_and_overwrites_nothing() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = format!("{}/staff/{}", clinic.path, clinic.staff);
    let before = app.get(&path).send().await.expect(200).json();
    let items = app.all_items().await;
    let mut copy =
        items.iter().find(|item| item["type"].as_s().unwrap() == "staff").unwrap().clone();
    copy.insert("SK".to_owned(), AttributeValue::S("STAFF#COPY".to_owned()));
    copy.insert("name".to_owned(), AttributeValue::S("Old Copy".to_owned()));
    app.put_item(copy).await;
    let (done, failures) = backfill(&app).await;
    assert_eq!(done, tally(items.len() as u64 + 1, 0, 1));
    assert!(failures[0].ends_with("under another key"), "{failures:?}");
    assert_eq!(app.get(&path).send().await.expect(200).json(), before);
}

/// The revision of a record that is deleted and made again is 1 once more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_was_made_again_under_its_key_is_not_overwritten() {
    let app = TestApp::spawn().await;
    let patient = |name: &str| json!({ "name": name, "mrn": "M-1" });
    let first = app.post("/v1/patients").json(&patient("First")).send().await.expect(201);
    let marker = app.all_items().await.into_iter();
    let mut marker =
        marker.into_iter().find(|it| it["type"].as_s().unwrap() == "record_number").unwrap();
    // Outdated by the form of an instant.
    let created_at = marker["created_at"].as_s().unwrap().replace('Z', "+00:00");
    marker.insert("created_at".to_owned(), AttributeValue::S(created_at));
    app.put_item(marker).await;
    let (has_read, go_on) = app.wire.pause_before("PutItem");
    let others = async {
        // The backfill has read the marker by then, and is about to write it.
        has_read.await.unwrap();
        app.delete(&first.location()).send().await.expect(204);
        let second = app.post("/v1/patients").json(&patient("Second")).send().await.expect(201);
        go_on.send(()).unwrap();
        second
    };
    let ((_, failures), second) = tokio::join!(backfill(&app), others);
    assert_eq!(failures, Vec::<String>::new());
    let found = app.get("/v1/patients?mrn=M-1").send().await.expect(200).json();
    assert_eq!(found["items"][0]["name"], "Second");
    app.delete(&second.location()).send().await.expect(204);
}

#[tokio::test]
async fn what_a_newer_release_wrote_is_503_and_stays() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let items = app.all_items().await;
    let staff = items.iter().find(|item| item["type"].as_s().unwrap() == "staff").unwrap();
    let mut newer = staff.clone();
    newer.insert("v".to_owned(), AttributeValue::N("2".to_owned()));
    app.put_item(newer.clone()).await;
    let path = format!("{}/staff/{}", clinic.path, clinic.staff);
    app.get(&path).send().await.problem(503, "newer_version");
    let patch = app.patch(&path).json(&json!({ "name": "B" })).send().await;
    assert_eq!(patch.header("retry-after"), "1");
    patch.problem(503, "newer_version");
    app.book(&clinic, START, 30).await.problem(503, "newer_version");
    assert!(app.all_items().await.contains(&newer));
}

#[tokio::test]
async fn it_goes_on_after_throttling_and_lost_replies() {
    let app = TestApp::spawn().await;
    let clinic = everything(&app).await;
    let path = format!("/v1/patients/{}", clinic.patient);
    let etag = app.get(&path).send().await.header("etag").to_owned();
    let strip = async || {
        for item in app.all_items().await {
            if item["type"].as_s().unwrap() == "patient" {
                let mut item = item;
                item.remove("GSI1PK");
                item.remove("GSI1SK");
                app.put_item(item).await;
            }
        }
    };
    for (operation, fault) in [
        ("Scan", Fault::Unreachable),
        ("Scan", Fault::Throttled),
        ("PutItem", Fault::LostReply),
        ("PutItem", Fault::Throttled),
    ] {
        strip().await;
        app.wire.disturb_times(3, operation, fault);
        let (done, failures) = backfill(&app).await;
        assert_eq!((done.failed, failures), (0, vec![]), "{operation} {fault:?}");
        assert_eq!(backfill(&app).await.0.rewritten, 0, "{operation} {fault:?}: all is done");
        assert_eq!(app.get(&path).send().await.header("etag"), etag);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_runs_beside_the_service_and_loses_no_change() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = format!("/v1/patients/{}", clinic.patient);
    let key = app.all_items().await;
    let key = key.iter().find(|item| item["type"].as_s().unwrap() == "patient").unwrap().clone();
    let (runs, changed) = (Cell::new(0), Cell::new(false));
    let changing = async {
        for n in 0..40 {
            // Both are at it at the same time.
            while runs.get() * 20 < n {
                tokio::task::yield_now().await;
            }
            let patch = json!({ "notes": format!("note {n}") });
            app.patch(&path).json(&patch).send().await.expect(200);
            // What an older release, which knew nothing of the index, would leave behind.
            let update = app.store.client().update_item().table_name(app.store.table());
            update
                .key("PK", key["PK"].clone())
                .key("SK", key["SK"].clone())
                .update_expression("REMOVE GSI1PK, GSI1SK")
                .send()
                .await
                .unwrap();
        }
        changed.set(true);
    };
    let filling = async {
        let mut rewritten = 0;
        while !changed.get() {
            let (done, failures) = backfill(&app).await;
            assert_eq!(failures, Vec::<String>::new());
            runs.set(runs.get() + 1);
            rewritten += done.rewritten;
        }
        // What was changed last.
        rewritten + backfill(&app).await.0.rewritten
    };
    let ((), rewritten) = tokio::join!(changing, filling);
    assert!(rewritten > 0, "both were at it");
    let patient = app.get(&path).send().await.expect(200).json();
    assert_eq!(patient["notes"], "note 39");
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
    assert!(text(&done).starts_with("3 items: 0 written anew, 0 failed"), "{}", text(&done));
    let dry = backfill(&["--dry-run"]);
    assert!(text(&dry).contains("0 would be written anew"), "{}", text(&dry));
    assert!(!backfill(&["--rate", "0"]).status.success());
    assert!(!backfill(&["--segments", "0"]).status.success());
}
