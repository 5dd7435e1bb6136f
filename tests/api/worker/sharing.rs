//! Workers share the partitions of due deliveries: the calls of each worker, counted.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use serde_json::json;

use crate::support::{
    TestApp, eventually,
    hooked::hooked,
    receiver::{Received, Receiver},
    wire::WireCall,
};

/// The shortest pause between two polls of a partition, in milliseconds.
const SHORTEST_PAUSE: u128 = 375;

/// Whether a call writes an item whose partition key has this prefix.
fn writes(call: &WireCall, prefix: &str) -> bool {
    let key = |name: &str| call.request[name]["PK"]["S"].as_str();
    key("Item").or(key("Key")).is_some_and(|pk| pk.starts_with(prefix))
}

fn refused(calls: &[WireCall]) -> Vec<&WireCall> {
    calls.iter().filter(|call| call.refused).collect()
}

/// The number of reads of each partition.
fn reads(calls: &[WireCall]) -> BTreeMap<String, usize> {
    let mut reads = BTreeMap::new();
    for call in calls.iter().filter(|call| call.operation == "Query") {
        let values = call.request["ExpressionAttributeValues"].as_object().unwrap();
        let part = values.values().filter_map(|value| value["S"].as_str());
        if let Some(part) = part.into_iter().find(|value| value.starts_with("DUE#")) {
            *reads.entry(part.to_owned()).or_default() += 1;
        }
    }
    reads
}

/// The index still shows claimed deliveries. Each delivery is claimed once even so, with few reads.
#[tokio::test]
async fn what_a_lagging_index_shows_as_due_is_not_claimed_again() {
    let hooked = hooked(json!([])).await;
    for _ in 0..20 {
        hooked.app.delivery(&hooked.path).await;
    }
    let wire = &hooked.app.wire;
    wire.freeze_index();
    wire.forget();
    let begun = Instant::now();
    let dispatching = hooked.app.dispatch(&hooked.receiver.allowed());
    hooked.receiver.wait_for(20).await;
    let polls = usize::try_from(begun.elapsed().as_millis() / SHORTEST_PAUSE).unwrap();
    let mut calls = wire.take_calls();
    let until_all_came = reads(&calls).into_values().max().unwrap();
    // The index still shows them.
    let more = async || {
        calls.extend(wire.take_calls());
        (reads(&calls).into_values().max() >= Some(until_all_came + 3)).then_some(())
    };
    eventually("it is read again", more).await;
    dispatching.stop().await;
    calls.extend(wire.take_calls());
    assert_eq!(refused(&calls), Vec::<&WireCall>::new());
    let claims = calls.iter().filter(|call| writes(call, "DELIVERIES#")).count();
    assert_eq!((claims, hooked.receiver.received().len()), (40, 20), "claimed and done");
    println!("20 deliveries: {until_all_came} reads of their partition until all had come");
    // Once for the deliveries with a permit, at most once for each released permit, and once for each poll in the meantime.
    assert!(until_all_came <= 1 + 16 + polls, "{until_all_came}, {polls} polls");
}

/// Another worker's claim, which this worker's index does not show.
#[tokio::test]
async fn a_claim_that_fails_is_no_progress_and_not_repeated() {
    let hooked = hooked(json!([])).await;
    for _ in 0..20 {
        hooked.app.delivery(&hooked.path).await;
    }
    let wire = &hooked.app.wire;
    let first = hooked.app.dispatch(&hooked.receiver.allowed());
    wire.freeze_index();
    hooked.receiver.wait_for(20).await;
    first.stop().await;
    wire.forget();
    // It has claimed nothing itself.
    let second = hooked.app.dispatch(&hooked.receiver.allowed());
    let mut calls = Vec::new();
    let all = async || {
        calls.extend(wire.take_calls());
        (refused(&calls).len() >= 20).then_some(())
    };
    eventually("all are claimed in vain", all).await;
    let before = reads(&calls).into_values().max();
    let more = async || {
        calls.extend(wire.take_calls());
        (reads(&calls).into_values().max() >= before.map(|reads| reads + 3)).then_some(())
    };
    eventually("it is read again and again", more).await;
    second.stop().await;
    calls.extend(wire.take_calls());
    assert_eq!(refused(&calls).len(), 20, "each was claimed in vain once");
    assert_eq!(hooked.receiver.received().len(), 20);
}

#[tokio::test]
async fn two_workers_share_the_partitions_and_one_takes_over_when_the_other_stops() {
    let receiver = Receiver::start().await;
    let app = TestApp::builder().webhook_targets(&receiver.allowed()).spawn().await;
    let mut webhooks = Vec::new();
    for _ in 0..20 {
        webhooks.push(app.webhook(&receiver.url()).await);
    }
    let deliver = async || {
        for webhook in &webhooks {
            app.delivery(webhook).await;
        }
    };
    let first = app.dispatch(&receiver.allowed());
    // Waits until the workers have renewed their registrations this many times. Returns whether one was assumed dead.
    let renewed = async |workers: usize, times: usize| {
        app.wire.forget();
        let (mut renewals, mut any_left) = (BTreeMap::<String, usize>::new(), false);
        eventually("the workers renew their registrations", async || {
            for call in app.wire.take_calls().iter().filter(|call| writes(call, "WORKERS")) {
                if call.operation == "DeleteItem" {
                    any_left = true;
                    continue;
                }
                let worker = call.request["Item"]["SK"]["S"].as_str().unwrap();
                *renewals.entry(worker.to_owned()).or_default() += 1;
            }
            let all = renewals.len() == workers && renewals.values().all(|seen| *seen >= times);
            all.then_some(())
        })
        .await;
        any_left
    };
    renewed(1, 1).await;
    let second = app.dispatch(&receiver.allowed());
    let mut told = 0;
    // On a very busy machine, a renewal can be late, and the other worker takes over.
    loop {
        // Each has seen the other, and has started or stopped what follows from that.
        let any_left = renewed(2, 3).await;
        deliver().await;
        told += 20;
        receiver.wait_for(told).await;
        let calls = app.wire.take_calls();
        if any_left || calls.iter().any(|call| call.operation == "DeleteItem") {
            continue;
        }
        assert_eq!(refused(&calls), Vec::<&WireCall>::new(), "nobody claims what is another's");
        break;
    }
    first.stop().await;
    deliver().await;
    receiver.wait_for(told + 20).await;
    // A worker that dies leaves its registration, which is not renewed.
    let third = app.dispatch(&receiver.allowed());
    renewed(2, 3).await;
    second.abort();
    deliver().await;
    let received = receiver.wait_for(told + 40).await;
    third.stop().await;
    let ids: BTreeSet<_> = received.iter().map(Received::id).collect();
    assert_eq!((received.len(), ids.len()), (told + 40, told + 40), "each once");
}
