//! Changes that the worker cannot process: they become dead letters, which delay nothing and can be retried.

use aws_sdk_dynamodb::types::AttributeValue;
use clinic_api::{
    records::dead_letters,
    store::{Item, WriteContext, keys, read::PageRequest},
    time::{Clock as _, SystemClock},
    worker::{
        change_record::ChangeRecord,
        dead_letter::{dead_letter_of, org_of, record_of},
        processor::Processor,
    },
};
use serde_json::Value;

use crate::support::{TestApp, builder::AUDIT_RETENTION, eventually, worker::Site};

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_read_becomes_a_dead_letter_and_holds_up_nothing() {
    let site = Site::open().await;
    let store = site.store();
    let before = site.register(3).await;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let poison = store
        .client()
        .put_item()
        .table_name(store.table())
        .item("PK", text("PATIENT#poison"))
        .item("SK", text("META"))
        .item("type", text("patient"))
        .item("name", text("Secret Name"));
    poison.send().await.unwrap();
    let after = site.register(3).await;
    let _worker = site.worker();
    site.told(&[before, after].concat()).await;
    // It is tried five times, while the others continue.
    let some = async || {
        Some(site.dead_letters(&["list"]).1).filter(|listed| !listed.contains("0 dead letters"))
    };
    let listed = eventually("it becomes a dead letter", some).await;
    assert!(listed.contains("after 5 attempts") && listed.contains("1 dead letters"), "{listed}");
    assert!(!listed.contains("Secret"), "{listed}");
    let id = listed.split_whitespace().next().unwrap();
    let (fine, retried) = site.dead_letters(&["retry", id]);
    assert!(!fine && retried.contains("missing"), "{retried}");
    let (fine, dropped) = site.dead_letters(&["drop", id]);
    assert!(fine && dropped.contains("dropped"), "{dropped}");
    assert!(site.dead_letters(&["list"]).1.contains("0 dead letters"));
    let (fine, unknown) = site.dead_letters(&["retry", "nothing"]);
    assert!(!fine && unknown.contains("no such dead letter"), "{unknown}");
}

#[tokio::test]
async fn what_is_too_large_for_a_dead_letter_becomes_one_of_its_keys() {
    let app = TestApp::spawn().await;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let image: Item = [("PK", "LATER#1"), ("SK", "META"), ("type", "later"), ("org", "ORG-DEMO")]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), text(value)))
        .chain([("text".to_owned(), text(&"x".repeat(220_000)))])
        .collect();
    let record = ChangeRecord {
        event_id: "large".to_owned(),
        at: SystemClock.now(),
        old: Some(image.clone()),
        new: Some(image),
    };
    let outcomes = Processor::new(app.store.clone(), AUDIT_RETENTION).process_all(&[record]).await;
    assert!(outcomes.into_iter().all(|outcome| outcome.unwrap()));
    let page = PageRequest { after: None, limit: 10, consistent: true };
    let dead_letters = dead_letters::repo::list(&app.store, page).await.unwrap().items;
    assert!(
        dead_letters[0].value.error.contains("too large to be stored"),
        "{}",
        dead_letters[0].value.error
    );
    let kept = record_of(&dead_letters[0].value).unwrap().new.unwrap();
    assert_eq!((&kept["PK"], kept.len()), (&text("LATER#1"), 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_retried_once_it_can_be_read() {
    let site = Site::open().await;
    let store = site.store();
    let worker = site.worker();
    let told = site.register(1).await;
    site.told(&told).await;
    drop(worker);
    // As a later release finds the dead letters of an earlier one.
    let patient = keys::patient(&told[0].parse().unwrap());
    let item = store.get_item(&patient, true).await.unwrap();
    let record = ChangeRecord {
        event_id: "dead-letter".to_owned(),
        at: SystemClock.now(),
        old: None,
        new: item,
    };
    let dead = dead_letter_of(&record, "it could not be read".to_owned(), 5).unwrap();
    let (org, event_id) = (org_of(&record), record.event_id.clone());
    store.add(&WriteContext::internal(org, "test", event_id, record.at), dead).await.unwrap();
    let (fine, retried) = site.dead_letters(&["retry", "--all"]);
    assert!(fine && retried.contains("processed"), "{retried}");
    let page = PageRequest { after: None, limit: 10, consistent: true };
    assert!(dead_letters::repo::list(&store, page).await.unwrap().items.is_empty());
    let path = format!("/v1/webhooks/{}/deliveries?consistent=true", site.webhook);
    let (_, deliveries) = site.service.send("GET", &path, None).await;
    let told_of = |one: &Value| one["event"]["id"] == "dead-letter";
    assert!(deliveries["items"].as_array().unwrap().iter().any(told_of), "{deliveries}");
}
