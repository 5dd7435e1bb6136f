//! Items that a backfill cannot rewrite are reported and left as they are.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;

use super::{START, backfill, everything, tally};
use crate::support::TestApp;

#[tokio::test]
async fn what_can_not_be_rewritten_is_told_without_what_is_known_of_patients() {
    let app = TestApp::spawn().await;
    everything(&app).await;
    let items = app.all_items_and_accesses().await;
    let of_type = |name: &str| {
        items.iter().find(|item| item["type"].as_s().unwrap() == name).unwrap().clone()
    };
    let number = |n: u8| AttributeValue::N(n.to_string());
    let mut newer = of_type("staff");
    newer.insert("v".to_owned(), number(9));
    let mut broken = of_type("resource");
    broken.insert("clinic_id".to_owned(), AttributeValue::S("4711-Secret".to_owned()));
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
    assert!(failures[0].starts_with("item CLINIC#CLN-"), "{failures:?}");
    assert!(failures[0].ends_with("unknown type"), "{failures:?}");
    assert!(failures[1].starts_with("resource CLINIC#CLN-"), "{failures:?}");
    assert!(failures[1].ends_with("clinic_id is invalid"), "{failures:?}");
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
    let before = app.all_items_and_accesses().await;
    assert_eq!(backfill(&app).await.0, tally(before.len() as u64, 0, 0));
    let after = app.all_items_and_accesses().await;
    assert!(before.iter().all(|item| after.contains(item)));
    app.get(&clinic.path).send().await.expect(200);
}

#[tokio::test]
async fn an_item_under_another_key_than_its_own_is_told_and_overwrites_nothing() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = format!("{}/staff/{}", clinic.path, clinic.staff);
    let before = app.get(&path).send().await.expect(200).json();
    let items = app.all_items_and_accesses().await;
    let mut copy =
        items.iter().find(|item| item["type"].as_s().unwrap() == "staff").unwrap().clone();
    copy.insert("SK".to_owned(), AttributeValue::S("STAFF#COPY".to_owned()));
    copy.insert("name".to_owned(), AttributeValue::S("Old Copy".to_owned()));
    app.put_item(copy).await;
    let (done, failures) = backfill(&app).await;
    assert_eq!(done, tally(items.len() as u64 + 1, 0, 1));
    assert!(failures[0].ends_with("does not match its attributes"), "{failures:?}");
    assert_eq!(app.get(&path).send().await.expect(200).json(), before);
}

#[tokio::test]
async fn what_a_newer_release_wrote_is_503_and_stays() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let items = app.all_items().await;
    let staff = items.iter().find(|item| item["type"].as_s().unwrap() == "staff").unwrap();
    let mut newer = staff.clone();
    newer.insert("v".to_owned(), AttributeValue::N("3".to_owned()));
    app.put_item(newer.clone()).await;
    let path = format!("{}/staff/{}", clinic.path, clinic.staff);
    app.get(&path).send().await.problem(503, "newer_version");
    let patch = app.patch(&path).json(&json!({ "name": "B" })).send().await;
    assert_eq!(patch.header("retry-after"), "1");
    patch.problem(503, "newer_version");
    app.book(&clinic, START, 30).await.problem(503, "newer_version");
    assert!(app.all_items().await.contains(&newer));
}
