//! One organisation whose deliveries the database refuses, and another: the other one is not delayed, and nothing is lost.

use std::collections::{BTreeMap, BTreeSet};

use clinic_api::{
    records::{deferred::model::DeferredEvent, deliveries::model::Delivery},
    store::{Entity, keys},
};
use tokio::select;

use crate::support::{
    Fault, TestApp, eventually,
    receiver::{Received, Receiver},
    wire::WireCall,
};

/// Two organisations on one table, each with a receiver.
struct Two {
    loud: TestApp,
    quiet: TestApp,
    of_loud: Receiver,
    of_quiet: Receiver,
    /// The webhooks of the loud organisation.
    webhooks: Vec<String>,
}

fn id_of(path: &str) -> String {
    path.rsplit('/').next().unwrap().to_owned()
}

impl Two {
    /// With this number of webhooks of the loud organisation, and one of the quiet one.
    async fn with(webhooks: usize) -> Self {
        let (of_loud, of_quiet) = (Receiver::start().await, Receiver::start().await);
        let allowed = format!("{},{}", of_loud.allowed(), of_quiet.allowed());
        let loud = TestApp::builder().webhook_targets(&allowed).spawn().await;
        let quiet = loud.in_org("ORG-QUIET");
        quiet.webhook(&of_quiet.url()).await;
        let mut paths = Vec::new();
        for _ in 0..webhooks {
            paths.push(loud.webhook(&of_loud.url()).await);
        }
        let webhooks = paths.iter().map(|path| id_of(path)).collect();
        Self { loud, quiet, of_loud, of_quiet, webhooks }
    }

    /// The hosts that webhooks can reach.
    fn allowed(&self) -> String {
        format!("{},{}", self.of_loud.allowed(), self.of_quiet.allowed())
    }

    /// From now on the deliveries to these webhooks cannot be written.
    fn throttle(&self, webhooks: &[String]) {
        self.loud.wire.throttle(webhooks.iter().map(|id| format!("DELIVERIES#{id}")));
    }

    /// Processes all changes once.
    async fn process(&self) {
        let outcomes = self.loud.processor().process_all(&self.loud.changes().await).await;
        assert!(outcomes.iter().all(Result::is_ok), "nothing waits for the table: {outcomes:?}");
    }

    async fn deferred(&self) -> usize {
        self.loud.records_of::<DeferredEvent>().await.len()
    }

    /// Waits until no event is deferred.
    async fn until_none_is_deferred(&self) {
        let none = async || (self.deferred().await == 0).then_some(());
        eventually("every deferred event is worked off", none).await;
    }

    /// Asserts that each webhook of the loud organisation has one delivery of each of these events, and no other.
    async fn assert_delivered_once(&self, events: &BTreeSet<String>) {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for Entity { value: delivery, .. } in self.loud.records_of::<Delivery>().await {
            found.entry(delivery.webhook_id.to_string()).or_default().push(delivery.event_id);
        }
        for webhook in &self.webhooks {
            let told = found.remove(webhook).unwrap_or_default();
            assert_eq!(told.len(), events.len(), "{webhook}");
            assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), *events, "{webhook}");
        }
    }

    /// The ids of all events of the loud organisation.
    async fn events(&self) -> BTreeSet<String> {
        let events = self.loud.events().await.into_iter();
        events.filter(|event| event.org == "ORG-DEMO").map(|event| event.id).collect()
    }

    async fn audited(&self, app: &TestApp, patient: &str) -> usize {
        let path = format!("/v1/patients/{patient}/audit?consistent=true");
        let audit = app.get(&path).send().await.expect(200).json();
        audit["items"].as_array().unwrap().len()
    }
}

#[tokio::test]
async fn a_throttled_organisation_holds_up_no_other_and_gets_all_in_the_end() {
    let two = Two::with(3).await;
    two.throttle(&two.webhooks);
    let mut patients = Vec::new();
    for _ in 0..20 {
        patients.push(two.loud.patient().await);
    }
    let other = two.quiet.patient().await;
    two.loud.wire.forget();
    two.process().await;
    // The audit log is complete before any delivery is written.
    let calls = two.loud.wire.take_calls();
    let writes = |prefix: &str| -> Vec<usize> {
        let key = |call: &serde_json::Value| {
            call["Item"]["PK"]["S"].as_str().is_some_and(|pk| pk.starts_with(prefix))
        };
        (0..calls.len()).filter(|at| key(&calls[*at].request)).collect()
    };
    let (audit, deliveries) = (writes("AUDIT#"), writes("DELIVERIES#"));
    assert_eq!((audit.len(), deliveries.len()), (21, 1));
    assert!(audit.last() < deliveries.first());
    assert_eq!(two.audited(&two.quiet, &other).await, 1);
    assert_eq!(two.audited(&two.loud, &patients[0]).await, 1);
    // One for each event, with all webhooks.
    let deferred = two.loud.records_of::<DeferredEvent>().await;
    assert_eq!(deferred.len(), 20);
    for event in deferred {
        assert_eq!(event.value.webhook_ids.map(|ids| ids.len()), Some(3));
    }
    let dispatching = two.loud.dispatch(&two.allowed());
    two.of_quiet.wait_for(1).await;
    assert_eq!((two.of_loud.received().len(), two.deferred().await), (0, 20));
    two.throttle(&[]);
    let received = two.of_loud.wait_for(60).await;
    two.until_none_is_deferred().await;
    dispatching.stop().await;
    assert_eq!((two.of_loud.received().len(), two.of_quiet.received().len()), (60, 1));
    let events = two.events().await;
    assert_eq!(received.iter().map(Received::id).collect::<BTreeSet<_>>(), events);
    two.assert_delivered_once(&events).await;
}

/// Accesses are written after the deliveries of all organisations in the batch.
#[tokio::test]
async fn accesses_are_written_after_the_deliveries_of_all() {
    let two = Two::with(1).await;
    for _ in 0..30 {
        let patient = two.loud.patient().await;
        two.loud.get(&format!("/v1/patients/{patient}")).send().await.expect(200);
    }
    two.loud.settle().await;
    two.quiet.patient().await;
    two.loud.wire.forget();
    two.process().await;
    let calls = two.loud.wire.take_calls();
    let put = |part: &str, sort: &str| {
        let text = |call: &WireCall, name: &str| {
            call.request["Item"][name]["S"].as_str().unwrap_or_default().to_owned()
        };
        let is = |call: &&(usize, &WireCall)| {
            text(call.1, "PK").starts_with(part) && text(call.1, "SK").starts_with(sort)
        };
        calls.iter().enumerate().filter(|call| is(&call)).map(|(at, _)| at).collect::<Vec<_>>()
    };
    let (deliveries, accesses) = (put("DELIVERIES#", ""), put("AUDIT#", "ACCESS#"));
    assert!(deliveries.len() > 30 && accesses.len() == 30, "{deliveries:?} {accesses:?}");
    assert!(deliveries.iter().max() < accesses.iter().min());
}

/// Its changes are repeated, and the checkpoint waits for them. Those of the others are done.
#[tokio::test]
async fn what_can_not_even_be_deferred_waits_alone() {
    let two = Two::with(2).await;
    let part = keys::deferred(&two.loud.org, "2035-01-15T08:00:00Z".parse().unwrap(), "1");
    let part = part.attributes()["PK"].as_s().unwrap().clone();
    let deliveries = two.webhooks.iter().map(|id| format!("DELIVERIES#{id}"));
    two.loud.wire.throttle(deliveries.chain([part]));
    for _ in 0..5 {
        two.loud.patient().await;
    }
    two.quiet.patient().await;
    let records = two.loud.changes().await;
    let outcomes = two.loud.processor().process_all(&records).await;
    let waiting: Vec<_> =
        records.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_err()).collect();
    assert_eq!(waiting.len(), 5, "the loud one's changes alone");
    let deliveries = two.loud.records_of::<Delivery>().await;
    assert_eq!(deliveries.len(), 1);
    assert_eq!(deliveries[0].meta.org, two.quiet.org);
    // As the reader of a shard does.
    two.throttle(&two.webhooks[..1]);
    let waiting: Vec<_> = waiting.into_iter().map(|(record, _)| record.clone()).collect();
    let outcomes = two.loud.processor().process_all(&waiting).await;
    assert!(outcomes.iter().all(|outcome| *outcome.as_ref().unwrap()));
    two.throttle(&[]);
    let dispatching = two.loud.dispatch(&two.allowed());
    two.until_none_is_deferred().await;
    dispatching.stop().await;
    two.assert_delivered_once(&two.events().await).await;
}

#[tokio::test]
async fn events_are_deferred_also_where_webhooks_can_not_be_read() {
    let two = Two::with(2).await;
    two.loud.patient().await;
    // All attempts of one read.
    two.loud.wire.disturb_times(3, "Query", Fault::Throttled);
    two.process().await;
    assert_eq!(two.loud.wire.waiting(), 0);
    let deferred = two.loud.records_of::<DeferredEvent>().await;
    assert_eq!((deferred.len(), &deferred[0].value.webhook_ids), (1, &None));
    let dispatching = two.loud.dispatch(&two.allowed());
    two.until_none_is_deferred().await;
    dispatching.stop().await;
    two.assert_delivered_once(&two.events().await).await;
}

#[tokio::test]
async fn audit_entries_that_can_not_be_written_hold_up_no_other_organisation() {
    let two = Two::with(1).await;
    let mut patients = Vec::new();
    for _ in 0..20 {
        patients.push(two.loud.patient().await);
    }
    two.loud.wire.throttle(patients.iter().map(|patient| format!("AUDIT#{patient}")));
    let other = two.quiet.patient().await;
    let records = two.loud.changes().await;
    let outcomes = two.loud.processor().process_all(&records).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_err()).count(), 20);
    assert_eq!(two.audited(&two.quiet, &other).await, 1);
    assert_eq!(two.loud.records_of::<Delivery>().await.len(), 1, "of the quiet one");
    two.throttle(&[]);
    two.process().await;
    two.assert_delivered_once(&two.events().await).await;
}

/// Lets the processor run until it has written this number of items. Returns whether it finished before.
async fn killed_after(two: &Two, writes: usize) -> bool {
    let (arrived, let_go) = two.loud.wire.pause_after(writes, "PutItem");
    let (processor, records) = (two.loud.processor(), two.loud.changes().await);
    let work = tokio::spawn(async move { processor.process_all(&records).await.len() });
    let abort = work.abort_handle();
    let has_ended = select! {
        ended = work => ended.is_ok(),
        _ = arrived => false,
    };
    abort.abort();
    drop(let_go);
    has_ended
}

#[tokio::test]
async fn a_worker_that_is_killed_at_any_write_loses_nothing_and_repeats_nothing() {
    for writes in 0.. {
        let two = Two::with(3).await;
        two.throttle(&two.webhooks[1..2]);
        for _ in 0..2 {
            two.loud.patient().await;
        }
        let has_ended = killed_after(&two, writes).await;
        if has_ended {
            assert!(writes >= 4, "2 audit entries and 2 deferred events at least: {writes}");
            return;
        }
        // The next one begins at the checkpoint.
        two.process().await;
        two.throttle(&[]);
        let dispatching = two.loud.dispatch(&two.allowed());
        two.until_none_is_deferred().await;
        two.of_loud.wait_for(6).await;
        dispatching.stop().await;
        let events = two.events().await;
        assert_eq!(events.len(), 2);
        two.assert_delivered_once(&events).await;
        let mut told: Vec<_> = two.of_loud.received().iter().map(Received::id).collect();
        told.sort();
        let thrice = events.iter().flat_map(|id| [id, id, id]);
        assert_eq!(told.iter().collect::<Vec<_>>(), thrice.collect::<Vec<_>>(), "{writes}");
        let mut audited = two.loud.all_items().await;
        audited.retain(|item| item["type"].as_s().is_ok_and(|kind| kind == "audit_event"));
        assert_eq!(audited.len(), 2);
    }
}

#[tokio::test]
async fn a_worker_that_is_killed_while_it_works_off_events_loses_nothing_and_repeats_nothing() {
    for (operation, calls) in
        [("PutItem", 1), ("PutItem", 2), ("PutItem", 4), ("DeleteItem", 0), ("DeleteItem", 1)]
    {
        let two = Two::with(2).await;
        two.throttle(&two.webhooks);
        for _ in 0..2 {
            two.loud.patient().await;
        }
        two.process().await;
        assert_eq!(two.deferred().await, 2);
        two.throttle(&[]);
        let (arrived, let_go) = two.loud.wire.pause_after(calls, operation);
        let dispatching = two.loud.dispatch(&two.allowed());
        arrived.await.unwrap();
        dispatching.abort();
        drop(let_go);
        let dispatching = two.loud.dispatch(&two.allowed());
        two.until_none_is_deferred().await;
        dispatching.stop().await;
        two.assert_delivered_once(&two.events().await).await;
    }
}
