//! Requests whose accesses use up an organisation's time in a batch, or are refused: the batch continues, and nothing is lost.

use std::{collections::BTreeSet, time::Duration};

use clinic_api::{
    audit::model::Access,
    events::EventType,
    id::WebhookId,
    records::{
        deferred::model::{DeferredAccesses, DeferredEvent},
        webhooks::model::Webhook,
    },
    store::{Item, Key, Record, WriteContext, attributes::string, codec::is_of_type, keys},
    worker::change_record::ChangeRecord,
};
use tokio::select;

use crate::support::{
    TestApp,
    builder::LOCAL_TARGETS,
    eventually,
    stream::Dispatching,
    wait::{DEADLINE, time_passes},
    wire::WireCall,
};

/// The patients in the access log, each of which must be there once.
async fn logged(app: &TestApp) -> BTreeSet<String> {
    let accesses = app.records_of::<Access>().await;
    let patients: BTreeSet<_> =
        accesses.iter().map(|access| access.value.patient_id.to_string()).collect();
    assert_eq!(patients.len(), accesses.len());
    assert!(accesses.iter().all(|access| access.meta.rev == 1), "each was written once");
    patients
}

async fn deferred(app: &TestApp) -> usize {
    app.records_of::<DeferredAccesses>().await.len()
}

/// Creates this number of patients, processes their changes, and reads each of them.
async fn looked_at(app: &TestApp, patients: usize) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for _ in 0..patients {
        ids.insert(app.patient().await);
    }
    let changes: Vec<_> = app.changes().await.into_iter().filter(|it| !shows(it)).collect();
    app.processor().process_all(&changes).await;
    for patient in &ids {
        app.get(&format!("/v1/patients/{patient}")).send().await.expect(200);
    }
    app.settle().await;
    ids
}

/// The stream records of access requests.
async fn shown(app: &TestApp) -> Vec<ChangeRecord> {
    app.changes().await.into_iter().filter(shows).collect()
}

fn shows(record: &ChangeRecord) -> bool {
    record.new.as_ref().is_some_and(|new| new["type"].as_s().unwrap() == "access_request")
}

async fn until_none_is_deferred(app: &TestApp, dispatching: Dispatching) {
    let none = async || (deferred(app).await == 0).then_some(());
    eventually("all deferred accesses are written", none).await;
    dispatching.stop().await;
}

#[tokio::test]
async fn accesses_beyond_an_organisations_time_are_written_later() {
    let app = TestApp::spawn().await;
    let patients = looked_at(&app, 30).await;
    let changes = app.changes().await;
    let processor = app.processor().with_budget(Duration::ZERO);
    let outcomes = processor.process_all(&changes).await;
    assert!(outcomes.iter().all(Result::is_ok), "the checkpoint does not wait: {outcomes:?}");
    assert_eq!((logged(&app).await.len(), deferred(&app).await), (0, 30));
    // The same batch again, as after a crash, changes nothing.
    processor.process_all(&changes).await;
    assert_eq!(deferred(&app).await, 30);
    until_none_is_deferred(&app, app.dispatch(LOCAL_TARGETS)).await;
    assert_eq!(logged(&app).await, patients);
}

#[tokio::test]
async fn accesses_that_are_refused_hold_up_no_batch() {
    let app = TestApp::spawn().await;
    let quiet = app.in_org("ORG-QUIET");
    let loud = looked_at(&app, 20).await;
    let other = looked_at(&quiet, 1).await;
    app.wire.throttle(loud.iter().map(|patient| format!("AUDIT#{patient}")));
    let shown = shown(&app).await;
    assert_eq!(shown.len(), 21);
    let outcomes = app.processor().process_all(&shown).await;
    assert!(outcomes.iter().all(Result::is_ok), "the checkpoint does not wait: {outcomes:?}");
    assert_eq!(logged(&app).await, other);
    assert_eq!(deferred(&app).await, 20);
    // It stays while it is refused.
    app.wire.forget();
    let dispatching = app.dispatch(LOCAL_TARGETS);
    let tried = async || {
        let reads = |call: &WireCall| {
            call.request["Key"]["PK"]["S"].as_str().is_some_and(|pk| pk.starts_with("ACCESS#"))
        };
        app.wire.take_calls().iter().any(reads).then_some(())
    };
    eventually("it is tried", tried).await;
    assert_eq!(deferred(&app).await, 20);
    app.wire.throttle([]);
    until_none_is_deferred(&app, dispatching).await;
    assert_eq!(logged(&app).await, &loud | &other);
}

/// An organisation that has used up its time gets none for the next batches, which are as fast as without its accesses.
#[tokio::test]
async fn an_organisation_that_used_up_its_time_gets_none_in_the_next_batch() {
    let app = TestApp::spawn().await;
    looked_at(&app, 2).await;
    let shown = shown(&app).await;
    let processor = app.processor();
    // The write is held until the time is used up.
    let (arrived, _go_on) = app.wire.pause_before("PutItem");
    let first = tokio::spawn({
        let (processor, first) = (processor.clone(), shown[..1].to_vec());
        async move { processor.process_all(&first).await }
    });
    arrived.await.unwrap();
    time_passes(DEADLINE).await;
    assert!(first.await.unwrap()[0].is_ok());
    assert_eq!(deferred(&app).await, 1);
    processor.process_all(&shown[1..]).await;
    assert_eq!((logged(&app).await.len(), deferred(&app).await), (0, 2));
    time_passes(Duration::from_secs(10)).await;
    processor.process_all(&shown[1..]).await;
    assert_eq!(logged(&app).await.len(), 1, "it has time again");
    until_none_is_deferred(&app, app.dispatch(LOCAL_TARGETS)).await;
    assert_eq!(logged(&app).await.len(), 2);
}

#[tokio::test]
async fn deferred_accesses_of_an_expired_request_are_removed() {
    let app = TestApp::spawn().await;
    let patients = looked_at(&app, 1).await;
    let shown = shown(&app).await;
    app.processor().with_budget(Duration::ZERO).process_all(&shown).await;
    let (org, request, at) = (app.org.clone(), "gone".to_owned(), shown[0].at);
    let context = WriteContext::internal(org.clone(), "test", request.clone(), at);
    app.store.add(&context, DeferredAccesses { org, request, at }).await.unwrap();
    until_none_is_deferred(&app, app.dispatch(LOCAL_TARGETS)).await;
    assert_eq!(logged(&app).await, patients);
}

#[tokio::test]
async fn a_worker_that_is_killed_while_it_defers_or_works_off_loses_nothing_and_repeats_nothing() {
    // Two writes defer, the third one is a registration, and the next two are accesses.
    for (operation, calls) in [
        ("PutItem", 0),
        ("PutItem", 1),
        ("PutItem", 3),
        ("PutItem", 4),
        ("DeleteItem", 0),
        ("DeleteItem", 1),
    ] {
        let app = TestApp::spawn().await;
        let patients = looked_at(&app, 2).await;
        let shown = shown(&app).await;
        let (mut arrived, let_go) = app.wire.pause_after(calls, operation);
        let processor = app.processor().with_budget(Duration::ZERO);
        let work = tokio::spawn({
            let shown = shown.clone();
            async move { processor.process_all(&shown).await.len() }
        });
        let abort = work.abort_handle();
        select! {
            _ = work => {
                let dispatching = app.dispatch(LOCAL_TARGETS);
                arrived.await.unwrap();
                dispatching.abort();
            }
            _ = &mut arrived => abort.abort(),
        }
        drop(let_go);
        // The next one begins at the checkpoint, and has time for one of them.
        app.processor().process_all(&shown[..1]).await;
        app.processor().with_budget(Duration::ZERO).process_all(&shown).await;
        until_none_is_deferred(&app, app.dispatch(LOCAL_TARGETS)).await;
        assert_eq!(logged(&app).await, patients, "{operation} {calls}");
    }
}

/// Work that this release cannot read or process stays, and all other work is processed.
#[tokio::test]
async fn what_fails_hides_nothing_behind_it() {
    let app = TestApp::spawn().await;
    let before = "2034-01-01T00:00:00Z".parse().unwrap();
    let unreadable = |key: Key, item_type: &str| {
        let mut item: Item = key.attributes();
        item.insert("type".to_owned(), string(item_type));
        item.insert("org".to_owned(), string(&app.org));
        item
    };
    for number in 0..30 {
        let key = keys::deferred(&app.org, before, &format!("unreadable-{number}"));
        app.put_item(unreadable(key, DeferredEvent::TYPE)).await;
    }
    // Their webhooks cannot be read.
    app.put_item(unreadable(keys::webhook(&app.org, &WebhookId::random()), Webhook::TYPE)).await;
    for number in 0..30 {
        let event = DeferredEvent {
            org: app.org.clone(),
            event_id: format!("failing-{number}"),
            event_type: EventType::PatientCreated.into(),
            at: before,
            payload: "{}".to_owned(),
            webhook_ids: None,
        };
        let context =
            WriteContext::internal(app.org.clone(), "test", event.event_id.clone(), before);
        app.store.add(&context, event).await.unwrap();
    }
    let patients = looked_at(&app, 3).await;
    let shown = shown(&app).await;
    app.processor().with_budget(Duration::ZERO).process_all(&shown).await;
    assert_eq!(deferred(&app).await, 3);
    until_none_is_deferred(&app, app.dispatch(LOCAL_TARGETS)).await;
    assert_eq!(logged(&app).await, patients);
    let left = app.all_items_and_accesses().await.into_iter();
    assert_eq!(left.filter(is_of_type::<DeferredEvent>).count(), 60);
}
