//! A backfill with concurrent writers and with faults of DynamoDB.

use std::cell::Cell;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use super::{backfill, everything};
use crate::support::{Fault, TestApp};

/// A record that is deleted and created again has revision 1 again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_was_made_again_under_its_key_is_not_overwritten() {
    let app = TestApp::spawn().await;
    let (_, path) = app.clinic_with_booking().await;
    let booked = app.get(&path).send().await.expect(200).json()["start"].clone();
    let move_to = async |start: Value| {
        let moved = app.post(&format!("{path}/reschedule")).json(&json!({ "start": start }));
        moved.send().await.expect(200);
    };
    // A moved appointment has a pointer until it is back at its first start.
    move_to(json!("2035-01-17T09:00:00")).await;
    let pointer = app.all_items().await.into_iter();
    let mut pointer =
        { pointer }.find(|it| it["type"].as_s().unwrap() == "moved_appointment").unwrap();
    // The different form of the instant makes it outdated.
    let created_at = pointer["created_at"].as_s().unwrap().replace('Z', "+00:00");
    pointer.insert("created_at".to_owned(), AttributeValue::S(created_at));
    app.put_item(pointer).await;
    let (has_read, go_on) = app.wire.pause_before("PutItem");
    let others = async {
        // The backfill has read the pointer and is about to write it.
        has_read.await.unwrap();
        move_to(booked).await;
        move_to(json!("2035-01-18T09:00:00")).await;
        go_on.send(()).unwrap();
    };
    let ((_, failures), ()) = tokio::join!(backfill(&app), others);
    assert_eq!(failures, Vec::<String>::new());
    let found = app.get(&path).send().await.expect(200).json();
    assert!(found["start"].as_str().unwrap().starts_with("2035-01-18T"), "{found}");
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
            // Both write at the same time.
            while runs.get() * 20 < n {
                tokio::task::yield_now().await;
            }
            let patch = json!({ "notes": format!("note {n}") });
            app.patch(&path).json(&patch).send().await.expect(200);
            // The item that an older release without the index would leave.
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
        // The item of the last change.
        rewritten + backfill(&app).await.0.rewritten
    };
    let ((), rewritten) = tokio::join!(changing, filling);
    assert!(rewritten > 0, "both were at it");
    let patient = app.get(&path).send().await.expect(200).json();
    assert_eq!(patient["notes"], "note 39");
}
