//! The operations that every plain record type of a clinic has. The types and valid bodies come from the document, so a new type
//! is tested without a change.

use serde_json::{Value, json};

use crate::support::{
    TestApp,
    document::{good_body, good_patch, plain_collections},
};

#[tokio::test]
async fn a_record_is_created_read_listed_changed_and_deleted() {
    let app = TestApp::spawn().await;
    let (clinic, other) = (app.clinic().await, app.clinic().await);
    let mut tested = 0;
    for collection in plain_collections() {
        let (body, patch) = (good_body(&collection), good_patch(&collection));
        let all = format!("{clinic}/{collection}");
        let first = app.post(&all).json(&body).idempotent(&collection).send().await.expect(201);
        let again = app.post(&all).json(&body).idempotent(&collection).send().await.expect(201);
        assert_eq!(again.json(), first.json(), "{collection}");
        for (name, value) in body.as_object().unwrap() {
            assert_eq!(&first.json()[name], value, "{collection}: {name}");
        }
        let path = first.location();
        let read = app.get(&path).send().await.expect(200);
        assert_eq!((read.json(), read.header("etag")), (first.json(), "\"1\""), "{collection}");
        app.get(&path).header("if-none-match", "\"1\"").send().await.expect(304);
        app.get(&path.replace(&clinic, &other)).send().await.problem(404, "not_found");

        app.post(&all).json(&body).send().await.expect(201);
        let page = app.get(&format!("{all}?limit=1")).send().await.expect(200).json();
        let cursor = page["next_cursor"].as_str().unwrap();
        let next = app.get(&format!("{all}?cursor={cursor}")).send().await.expect(200).json();
        let ids = |page: &Value| page["items"].as_array().unwrap().clone();
        assert_eq!((ids(&page).len(), ids(&next).len()), (1, 1), "{collection}");
        let elsewhere = format!("{other}/{collection}?cursor={cursor}");
        app.get(&elsewhere).send().await.problem(400, "invalid_cursor");
        let none = app.get(&format!("{other}/{collection}")).send().await.expect(200).json();
        assert_eq!(none, json!({ "items": [] }));

        app.patch(&path).json(&json!({ "nope": 1 })).send().await.problem(422, "validation_failed");
        let changed = app.patch(&path).json(&patch).send().await.expect(200);
        assert_eq!(app.get(&path).send().await.json(), changed.json(), "{collection}");
        app.patch(&path)
            .header("if-match", "\"1\"")
            .json(&patch)
            .send()
            .await
            .problem(412, "precondition_failed");
        app.delete(&path).send().await.expect(204);
        app.get(&path).send().await.problem(404, "not_found");
        tested += 1;
    }
    assert!(tested >= 3, "{tested}");
}

#[tokio::test]
async fn a_record_needs_its_clinic() {
    let app = TestApp::spawn().await;
    let elsewhere = app.in_org("ORG-ELSEWHERE").clinic().await;
    for collection in plain_collections() {
        let all = format!("{elsewhere}/{collection}");
        app.post(&all).json(&good_body(&collection)).send().await.problem(404, "not_found");
        app.get(&all).send().await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn a_record_is_in_the_overview_and_keeps_its_clinic_from_being_deleted() {
    let app = TestApp::spawn().await;
    for collection in plain_collections() {
        let clinic = app.clinic().await;
        let all = format!("{clinic}/{collection}");
        let made = app.post(&all).json(&good_body(&collection)).send().await.expect(201);
        let overview = app.get(&format!("{clinic}/overview")).send().await.expect(200).json();
        let part = &overview[collection.replace('-', "_")];
        assert_eq!(part, &json!([made.json()]), "{collection}");
        app.delete(&clinic).send().await.expect(409);
        app.delete(&made.location()).send().await.expect(204);
        app.delete(&clinic).send().await.expect(204);
    }
}
