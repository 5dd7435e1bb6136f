//! The table: created as defined, and compared with the definition.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ProvisionedThroughput,
    ScalarAttributeType,
};
use clinic_api::{
    error::ApiError,
    store::{
        Item, Store, StoreError,
        attributes::string,
        expression::{Change, Condition},
        keys,
        write::Write,
    },
};

use crate::support::{Fault, TestApp, app::fresh_table, write_context};

#[tokio::test]
async fn a_made_table_is_as_it_should_be_and_is_made_once() {
    let app = TestApp::spawn().await;
    assert_eq!(app.store.check_table().await.unwrap(), []);
    assert!(!app.store.create_table().await.unwrap());
    let fresh = Store::new(app.store.client().clone(), fresh_table());
    let differences = fresh.check_table().await.unwrap();
    assert_eq!(differences.len(), 1);
    assert!(differences[0].to_string().ends_with("found no such table"), "{}", differences[0]);
    assert!(fresh.create_table().await.unwrap());
    assert_eq!(fresh.check_table().await.unwrap(), []);
}

#[tokio::test]
async fn every_difference_of_a_table_is_reported() {
    let app = TestApp::spawn().await;
    let name = fresh_table();
    let attribute = |name: &str, kind| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
    };
    let hash = KeySchemaElement::builder().attribute_name("PK").key_type(KeyType::Hash);
    let range = KeySchemaElement::builder().attribute_name("SK").key_type(KeyType::Range);
    let throughput =
        ProvisionedThroughput::builder().read_capacity_units(1).write_capacity_units(1);
    app.store
        .client()
        .create_table()
        .table_name(&name)
        .attribute_definitions(attribute("PK", ScalarAttributeType::S))
        .attribute_definitions(attribute("SK", ScalarAttributeType::N))
        .key_schema(hash.build().unwrap())
        .key_schema(range.build().unwrap())
        .billing_mode(BillingMode::Provisioned)
        .provisioned_throughput(throughput.build().unwrap())
        .send()
        .await
        .unwrap();
    let other = Store::new(app.store.client().clone(), name);
    let differences = other.check_table().await.unwrap();
    let what: Vec<_> = differences.iter().map(|difference| difference.what).collect();
    let expected =
        ["key attribute types", "index GSI1", "projection of GSI1", "stream", "TTL attribute"];
    assert_eq!(what, expected);
    assert_eq!(differences[3].to_string(), "stream: expected NEW_AND_OLD_IMAGES, found none");
}

#[tokio::test]
async fn an_item_that_would_be_too_large_is_refused_before_it_is_sent() {
    use clinic_api::store::Entity;
    let app = TestApp::spawn().await;
    let clinic: clinic_api::records::clinics::model::Clinic =
        serde_json::from_value(serde_json::json!({
            "id": clinic_api::id::ClinicId::random(), "name": "x".repeat(410_000),
            "time_zone": "UTC",
        }))
        .unwrap();
    let context = write_context("large");
    app.wire.forget();
    let refused = app.store.create(&context, Entity::new(clinic, &context), vec![]).await;
    let Err(error @ StoreError::TooLarge { bytes }) = refused else { panic!("{refused:?}") };
    assert!(bytes > 410_000);
    assert_eq!(app.wire.take_calls(), []);
    let answer =
        axum::response::IntoResponse::into_response(clinic_api::error::ApiError::from(error));
    assert_eq!(answer.status(), 413);
}

/// DynamoDB's limits are 100 actions and 4 MB per transaction, and 400 KB per item.
#[tokio::test]
async fn a_transaction_that_would_be_too_large_is_refused_before_it_is_sent() {
    let app = TestApp::spawn().await;
    let context = write_context("large");
    let key = |number: usize| keys::idempotency(&number.to_string());
    let put = |number: usize, bytes: usize| {
        let mut item: Item = key(number).attributes();
        item.insert("text".to_owned(), string("x".repeat(bytes)));
        Write::Put { item, condition: Condition::Absent }
    };
    let change = |bytes: usize| Change::default().set("text", string("x".repeat(bytes)));
    let update = |number: usize, bytes: usize| Write::UpdateIfPresent {
        key: key(number),
        change: change(bytes),
    };
    app.wire.forget();
    let transactions: [Vec<Write>; 3] = [
        (0..101).map(|number| put(number, 1)).collect(),
        (0..11).map(|number| put(number, 400_000)).collect(),
        (0..11).map(|number| update(number, 400_000)).collect(),
    ];
    for writes in transactions {
        let (actions, is_long) = (writes.len(), writes.len() > 100);
        let refused = app.store.commit(&context, writes).await.err();
        let Some(StoreError::TransactionTooLarge { actions: counted, bytes }) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!((counted, bytes > 4_000_000), (actions, !is_long));
        let error = ApiError::from(StoreError::TransactionTooLarge { actions, bytes });
        let answer = axum::response::IntoResponse::into_response(error);
        assert_eq!(answer.status(), 413);
    }
    for write in [put(1, 410_000), update(1, 410_000)] {
        let refused = app.store.commit(&context, vec![write]).await.err();
        assert!(matches!(refused, Some(StoreError::TooLarge { .. })), "{refused:?}");
    }
    assert_eq!(app.wire.take_calls(), []);
    let full = (0..100).map(|number| put(number, 1)).collect();
    app.store.commit(&context, full).await.unwrap();
    // A BatchGetItem has at most 100 keys.
    app.wire.forget();
    let wanted: Vec<_> = (0..250).map(key).collect();
    assert_eq!(app.store.batch_get(&wanted).await.unwrap().len(), 100);
    assert_eq!(app.wire.take_calls().len(), 3);
}

#[tokio::test]
async fn a_table_that_can_not_be_asked_for_is_an_error() {
    let app = TestApp::spawn().await;
    app.wire.disturb_times(3, "DescribeTable", Fault::Unreachable);
    assert!(matches!(app.store.check_table().await, Err(StoreError::Unreachable(_))));
}
