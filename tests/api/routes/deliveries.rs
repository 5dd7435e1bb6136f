//! Deliveries: sent, retried, replayed, by one or several workers.

use jiff::SignedDuration;
use serde_json::json;

use crate::support::{
    TestApp,
    builder::LOCAL_TARGETS,
    eventually,
    hooked::hooked,
    receiver::{Manner, Received, Receiver},
    stream::TIMEOUT,
    wait::time_passes,
};

#[tokio::test]
async fn what_fails_is_tried_again_later_and_listed() {
    let hooked = hooked(json!(["clinic.patient.created.v1"])).await;
    let app = &hooked.app;
    let dispatching = app.dispatch(&hooked.receiver.allowed());
    app.patient().await;
    app.process_changes().await;
    let manners = [
        (Manner::Status(500), "refused"),
        (Manner::Redirect, "refused"),
        (Manner::Hang, "timed_out"),
    ];
    hooked.receiver.answer(manners[0].0);
    for (done, (manner, outcome)) in manners.iter().enumerate() {
        if *manner == Manner::Hang {
            hooked.receiver.wait_for(done + 1).await;
            time_passes(TIMEOUT).await;
        }
        let delivery = hooked.tried(done + 1).await;
        assert_eq!(delivery["attempts"][done]["outcome"], *outcome, "{delivery}");
        assert_eq!(delivery["status"], "pending");
        assert_eq!(hooked.receiver.received().len(), done + 1, "not before it is due");
        hooked.receiver.answer(manners.get(done + 1).map_or(Manner::Status(204), |next| next.0));
        app.clock.advance(SignedDuration::from_mins(10));
    }
    let delivery = hooked.tried(4).await;
    assert_eq!(delivery["status"], "delivered");
    assert!(
        hooked.receiver.received().iter().all(|received| received.path == "/hook"),
        "no redirect is followed"
    );
    let ids: std::collections::BTreeSet<_> =
        hooked.receiver.received().iter().map(Received::id).collect();
    assert_eq!(ids.len(), 1, "one id, however often");
    dispatching.stop().await;
}

#[tokio::test]
async fn an_event_is_replayed_under_its_id() {
    let hooked = hooked(json!([])).await;
    let app = &hooked.app;
    let dispatching = app.dispatch(&hooked.receiver.allowed());
    app.patient().await;
    app.process_changes().await;
    let delivery = hooked.tried(1).await;
    let path = format!("{}/deliveries/{}", hooked.path, delivery["id"].as_str().unwrap());
    let replayed = app.post(&format!("{path}/replay")).send().await.expect(200).json();
    assert_eq!((&replayed["status"], &replayed["event"]), (&json!("pending"), &delivery["event"]));
    let received = hooked.receiver.wait_for(2).await;
    assert_eq!(received[0].id(), received[1].id());
    assert_eq!(received[0].body, received[1].body);
    hooked.tried(2).await;
    dispatching.stop().await;
}

#[tokio::test]
async fn a_replay_of_what_waits_already_is_remembered_under_its_key() {
    let app = TestApp::spawn().await;
    let path = app.delivery(&app.webhook(&format!("https://{LOCAL_TARGETS}/")).await).await;
    let replay = |key: &str| app.post(&format!("{path}/replay")).idempotent(key);
    let first = replay("k").send().await.expect(200);
    // At the same instant nothing changes.
    let second = replay("l").send().await.expect(200);
    assert_eq!(second.body, first.body);
    app.clock.advance(SignedDuration::from_mins(1));
    let third = replay("m").send().await.expect(200);
    assert_ne!(third.body, first.body);
    for key in ["k", "l"] {
        assert_eq!(replay(key).send().await.expect(200).body, first.body, "{key}");
    }
    assert_eq!(app.get(&path).send().await.expect(200).body, third.body);
}

#[tokio::test]
async fn a_receiver_that_hangs_holds_up_no_other() {
    let hanging = hooked(json!(["clinic.patient.created.v1"])).await;
    hanging.receiver.answer(Manner::Hang);
    let app = &hanging.app;
    for _ in 0..600 {
        app.delivery(&hanging.path).await;
    }
    let quick = Receiver::start().await;
    let both = format!("{},{}", hanging.receiver.allowed(), quick.allowed());
    let app = TestApp::builder().webhook_targets(&both).replica_of(app);
    let other = app.webhook(&quick.url()).await;
    app.clock.advance(SignedDuration::from_secs(1));
    app.delivery(&other).await;
    let dispatching = app.dispatch(&both);
    quick.wait_for(1).await;
    let waited = hanging.receiver.received().len();
    assert!(waited <= 16, "{waited} wait for one receiver");
    dispatching.abort();
}

#[tokio::test]
async fn many_receivers_that_hang_hold_up_no_other_organisation() {
    let hanging = hooked(json!(["clinic.patient.created.v1"])).await;
    hanging.receiver.answer(Manner::Hang);
    let quick = Receiver::start().await;
    let both = format!("{},{}", hanging.receiver.allowed(), quick.allowed());
    let app = TestApp::builder().webhook_targets(&both).replica_of(&hanging.app);
    // More than there are permits.
    for _ in 0..12 {
        let webhook = app.webhook(&hanging.receiver.url()).await;
        for _ in 0..16 {
            app.delivery(&webhook).await;
        }
    }
    app.clock.advance(SignedDuration::from_secs(1));
    let other = app.in_org("ORG-OTHER");
    let webhook = other.webhook(&quick.url()).await;
    other.delivery(&webhook).await;
    let dispatching = app.dispatch(&both);
    quick.wait_for(1).await;
    assert!(hanging.receiver.received().len() <= 32);
    dispatching.abort();
}

#[tokio::test]
async fn an_attempt_is_listed_also_if_its_delivery_is_replayed_meanwhile() {
    let hooked = hooked(json!([])).await;
    hooked.receiver.answer(Manner::Hang);
    let app = &hooked.app;
    let path = app.delivery(&hooked.path).await;
    let dispatching = app.dispatch(&hooked.receiver.allowed());
    hooked.receiver.wait_for(1).await;
    app.post(&format!("{path}/replay")).send().await.expect(200);
    hooked.receiver.answer(Manner::Status(204));
    time_passes(TIMEOUT).await;
    let delivered = hooked.tried(2).await;
    let outcomes: Vec<_> = delivered["attempts"].as_array().unwrap().iter().collect();
    assert_eq!(outcomes[0]["outcome"], "timed_out");
    assert_eq!(
        (&outcomes[1]["outcome"], &delivered["status"]),
        (&json!("delivered"), &json!("delivered"))
    );
    dispatching.stop().await;
}

#[tokio::test]
async fn two_that_send_side_by_side_send_each_event_once() {
    let hooked = hooked(json!([])).await;
    for _ in 0..60 {
        hooked.app.delivery(&hooked.path).await;
    }
    let both = [(); 2].map(|()| hooked.app.dispatch(&hooked.receiver.allowed()));
    hooked.receiver.wait_for(60).await;
    for one in both {
        one.stop().await;
    }
    let received = hooked.receiver.received();
    let ids: std::collections::BTreeSet<_> = received.iter().map(Received::id).collect();
    assert_eq!((received.len(), ids.len()), (60, 60));
    assert!(hooked.deliveries().await.iter().all(|delivery| delivery["status"] == "delivered"));
}

#[tokio::test]
async fn what_waits_for_a_webhook_that_is_gone_is_given_up() {
    let hooked = hooked(json!([])).await;
    let app = &hooked.app;
    let delivery = app.delivery(&hooked.path).await;
    app.patch(&hooked.path).json(&json!({ "active": false })).send().await.expect(200);
    let dispatching = app.dispatch(&hooked.receiver.allowed());
    let given_up = hooked.tried(1).await;
    assert_eq!(given_up["status"], "failed");
    assert_eq!(given_up["attempts"][0]["outcome"], "switched_off");
    app.delete(&hooked.path).send().await.expect(204);
    app.clock.advance(SignedDuration::from_secs(1));
    app.post(&format!("{delivery}/replay")).send().await.expect(200);
    let path = format!("{delivery}?consistent=true");
    let failed = async || {
        let now = app.get(&path).send().await.expect(200).json();
        (now["status"] == "failed").then_some(())
    };
    eventually("it is given up", failed).await;
    dispatching.stop().await;
    assert!(hooked.receiver.received().is_empty());
}
