//! Webhooks: subscriptions, signatures, and failing receivers.

use clinic_api::records::webhooks::model::signature::sign;
use data_encoding::BASE64;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::{TestApp, hooked::hooked, receiver::Manner};

const START: &str = "2035-01-16T09:00:00";

/// The bytes of a secret.
fn key(secret: &str) -> Vec<u8> {
    BASE64.decode(secret.strip_prefix("whsec_").unwrap().as_bytes()).unwrap()
}

#[tokio::test]
async fn who_asked_for_it_is_told_once_and_signed() {
    let hooked = hooked(json!(["clinic.appointment.booked.v1"])).await;
    let app = &hooked.app;
    let clinic = app.ready_clinic().await;
    let appointment = app.booked(&clinic, START).await;
    app.process_changes().await;
    app.process_changes().await;
    let dispatching = app.dispatch(&hooked.receiver.allowed());
    let delivery = hooked.tried(1).await;
    dispatching.stop().await;
    let received = hooked.receiver.received();
    assert_eq!(received.len(), 1, "nothing else was asked for, and it comes once");
    let event = received[0].event();
    assert_eq!(event["type"], "clinic.appointment.booked.v1");
    assert!(appointment.ends_with(event["subject"].as_str().unwrap()));
    assert_eq!(
        (event["id"].as_str().unwrap(), received[0].path.as_str()),
        (received[0].id().as_str(), "/hook")
    );
    let header = |name: &str| received[0].headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/cloudevents+json; charset=utf-8");
    let secret = key(&hooked.secret);
    let at = jiff::Timestamp::from_second(header("webhook-timestamp").parse().unwrap()).unwrap();
    let body = std::str::from_utf8(&received[0].body).unwrap();
    let signed = sign([secret.as_slice()], &received[0].id(), at, body).unwrap();
    assert_eq!(header("webhook-signature"), signed);
    assert_eq!((&delivery["status"], &delivery["event"]), (&json!("delivered"), &event));
    assert_eq!(delivery["attempts"][0]["response_status"], 200);
    assert_eq!(delivery["next_attempt_at"], Value::Null);
}

#[tokio::test]
async fn a_webhook_that_is_gone_or_fails_for_days_is_switched_off_and_can_be_switched_on() {
    let hooked = hooked(json!([])).await;
    let app = &hooked.app;
    let dispatching = app.dispatch(&hooked.receiver.allowed());
    hooked.receiver.answer(Manner::Status(503));
    app.patient().await;
    app.process_changes().await;
    hooked.tried(1).await;
    let failing = hooked.webhook_once(|webhook| webhook["failing_since"] != Value::Null).await;
    assert_eq!(failing["failing_since"], "2035-01-15T08:00:00Z");
    app.clock.advance(SignedDuration::from_hours(5 * 24));
    hooked.tried(2).await;
    let off = hooked.webhook_once(|webhook| webhook["active"] == false).await;
    assert_eq!(off["disabled_at"], "2035-01-20T08:00:00Z");
    app.patient().await;
    app.process_changes().await;
    assert_eq!(hooked.deliveries().await.len(), 1, "nothing new is for it");
    hooked.receiver.answer(Manner::Status(410));
    let on =
        app.patch(&hooked.path).json(&json!({ "active": true })).send().await.expect(200).json();
    assert_eq!((&on["failing_since"], &on["disabled_at"]), (&Value::Null, &Value::Null));
    app.patient().await;
    app.process_changes().await;
    app.clock.advance(SignedDuration::from_hours(24));
    // 410 disables the webhook.
    hooked.webhook_once(|webhook| webhook["active"] == false).await;
    dispatching.stop().await;
}

#[tokio::test]
async fn a_secret_that_is_replaced_signs_beside_the_new_one_for_a_day() {
    let hooked = hooked(json!([])).await;
    let app = &hooked.app;
    let rotated =
        app.post(&format!("{}/rotate-secret", hooked.path)).send().await.expect(200).json();
    let new = rotated["secret"].as_str().unwrap();
    assert_ne!(new, hooked.secret);
    let dispatching = app.dispatch(&hooked.receiver.allowed());
    let signed_by = async |count: usize, by: &[&str]| {
        app.patient().await;
        app.process_changes().await;
        let received = hooked.receiver.wait_for(count).await;
        let last = received.last().unwrap();
        let header = |name: &str| last.headers[name].to_str().unwrap().to_owned();
        let at = header("webhook-timestamp").parse().unwrap();
        let at = jiff::Timestamp::from_second(at).unwrap();
        let body = std::str::from_utf8(&last.body).unwrap();
        let signed = |secrets: &[&str]| {
            let secrets: Vec<_> = secrets.iter().map(|secret| key(secret)).collect();
            sign(secrets.iter().map(Vec::as_slice), &last.id(), at, body).unwrap()
        };
        assert_eq!(header("webhook-signature"), signed(by));
    };
    signed_by(1, &[new, &hooked.secret]).await;
    app.clock.advance(SignedDuration::from_hours(25));
    signed_by(2, &[new]).await;
    dispatching.stop().await;
    assert!(!hooked.webhook().await.to_string().contains("whsec"), "it is shown once");
    let key = "one-key";
    let once = app
        .post("/v1/webhooks")
        .json(&json!({ "url": hooked.receiver.url() }))
        .idempotent(key)
        .send()
        .await
        .expect(201);
    let again = app
        .post("/v1/webhooks")
        .json(&json!({ "url": hooked.receiver.url() }))
        .idempotent(key)
        .send()
        .await
        .expect(201);
    assert_eq!(once.json(), again.json(), "a repeated request has the same answer");
    let items = app.all_items().await;
    let secret = once.json()["secret"].as_str().unwrap().strip_prefix("whsec_").unwrap().to_owned();
    assert!(!format!("{items:?}").contains(&secret), "the table does not show it");
}

#[tokio::test]
async fn events_are_not_sent_to_addresses_that_are_not_public() {
    let app = TestApp::spawn().await;
    for url in [
        "http://example.org/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/",
        "https://localhost./",
        "https://127.1/",
        "https://user@example.org/",
        "ftp://example.org/",
        "nonsense",
    ] {
        let refused = app.post("/v1/webhooks").json(&json!({ "url": url })).send().await;
        let problem = refused.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["pointer"], "/url", "{url}");
    }
}

#[tokio::test]
async fn webhooks_are_one_organisations_alone() {
    let hooked = hooked(json!([])).await;
    let other = hooked.app.in_org("ORG-OTHER");
    for path in [hooked.path.clone(), format!("{}/deliveries", hooked.path)] {
        other.get(&path).send().await.problem(404, "not_found");
    }
    other
        .patch(&hooked.path)
        .json(&json!({ "active": false }))
        .send()
        .await
        .problem(404, "not_found");
    other.delete(&hooked.path).send().await.problem(404, "not_found");
    other.patient().await;
    hooked.app.process_changes().await;
    assert!(hooked.deliveries().await.is_empty(), "another organisation's events are not told");
    hooked.app.delete(&hooked.path).send().await.expect(204);
    hooked.app.get(&hooked.path).send().await.problem(404, "not_found");
}

#[tokio::test]
async fn an_organisation_has_fifty_webhooks_at_most() {
    let app = TestApp::spawn().await;
    let create = |key: String| {
        app.post("/v1/webhooks")
            .json(&json!({ "url": "https://hooks.example.org/" }))
            .idempotent(&key)
    };
    let mut last = Value::Null;
    for number in 0..50 {
        last = create(format!("key-{number}")).send().await.expect(201).json();
    }
    create("one-more".to_owned()).send().await.problem(409, "too_many_webhooks");
    let again = create("key-49".to_owned()).send().await.expect(201).json();
    assert_eq!(again, last, "what was done is answered as it was");
    app.in_org("ORG-OTHER").webhook("https://hooks.example.org/").await;
    let path = format!("/v1/webhooks/{}", last["id"].as_str().unwrap());
    app.delete(&path).send().await.expect(204);
    create("one-more".to_owned()).send().await.expect(201);
}
