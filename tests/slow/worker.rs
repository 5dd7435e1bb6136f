//! The worker as a process: killed, duplicated, and under load.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use clinic_api::store::{Item, keys};
use futures_util::future::join_all;
use rand::random_range;
use serde_json::json;
use tokio::time::sleep;

use crate::{
    kills::kills,
    support::{
        checker::items_of,
        eventually,
        process::{admin_token_of, http_client, send, send_as},
        proxy::Proxy,
        receiver::{Received, Receiver},
        worker::{Site, Worker},
    },
};

/// The number of changes to check: `CLINIC_TEST_CHANGES`, or few enough for an ordinary run.
fn wanted_changes() -> usize {
    let set = std::env::var("CLINIC_TEST_CHANGES").ok();
    set.map_or(400, |number| number.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_again_and_again_loses_nothing_and_repeats_under_the_same_id() {
    let site = Site::open().await;
    let mut patients = Vec::new();
    for round in 0..kills() {
        let seen = site.receiver.received().len();
        let worker = site.worker();
        patients.extend(site.register(4).await);
        if round % 2 == 0 {
            // In every second round the worker has time to send, however slow the machine is.
            let more = async || (site.receiver.received().len() > seen).then_some(());
            eventually("it gets to work in between", more).await;
        }
        // The kill comes at a random point of its work.
        sleep(Duration::from_millis(random_range(0..800))).await;
        drop(worker);
    }
    let _worker = site.worker();
    site.told(&patients).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_worker_takes_over_from_one_that_dies() {
    let site = Site::open().await;
    let (first, _second) = (site.worker(), site.worker());
    let mut patients = site.register(20).await;
    site.told(&patients).await;
    drop(first);
    patients.extend(site.register(20).await);
    site.told(&patients).await;
}

/// Nothing listens where it looks for the stream, as with a wrong role or network.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_cannot_read_the_stream_leaves_it_to_another() {
    let site = Site::open().await;
    let mut first = site.worker_command();
    first.env("AWS_ENDPOINT_URL_DYNAMODB_STREAMS", "http://127.0.0.1:1");
    let _first = Worker(first.spawn().unwrap());
    let lease = async || site.store().get_item(&keys::lease("stream"), true).await.unwrap();
    eventually("the first worker gets the lease", lease).await;
    let _second = site.worker();
    let patients = site.register(4).await;
    site.told(&patients).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_changes_under_load_arrive() {
    let site = Site::open().await;
    let _workers = [site.worker(), site.worker()];
    let patients = site.register(wanted_changes()).await;
    site.told(&patients).await;
}

/// An administrator of another organisation with a webhook, on the same service.
struct Other {
    base: String,
    token: String,
}

impl Other {
    async fn post(&self, path: &str, body: serde_json::Value) -> serde_json::Value {
        let uri = format!("{}{path}", self.base);
        let sent = send_as(&http_client(), &self.token, &uri, "POST", Some(body), None).await;
        let (status, made) = sent.unwrap();
        assert_eq!(status, 201, "{made}");
        made
    }
}

/// Two workers, of which one is killed repeatedly, while one organisation's deliveries are throttled.
#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_organisation_holds_up_no_other_whatever_dies() {
    let of_quiet = Receiver::start().await;
    let site = Site::open_beside(Some(&of_quiet)).await;
    let quiet = Other { base: site.service.base.clone(), token: admin_token_of("ORG-QUIET") };
    quiet.post("/v1/webhooks", json!({ "url": of_quiet.url() })).await;
    let proxy = Proxy::before(site.table.endpoint(), 1).await;
    proxy.throttle(Some(format!("DELIVERIES#{}", site.webhook)));
    let worker = || {
        let mut command = site.worker_command();
        Worker(command.env("AWS_ENDPOINT_URL_DYNAMODB", proxy.endpoint()).spawn().unwrap())
    };
    let lasting = worker();
    let (mut loud, mut told, mut took) = (Vec::new(), 0, Vec::new());
    let register = || quiet.post("/v1/patients", json!({ "name": "Ida Example" }));
    for _ in 0..5 {
        loud.extend(site.register(20).await);
        register().await;
        let begun = Instant::now();
        told += 1;
        of_quiet.wait_for(told).await;
        took.push(begun.elapsed());
    }
    println!("the quiet organisation is told after {took:?}");
    for round in 0..kills() {
        let killed = worker();
        loud.extend(site.register(4).await);
        register().await;
        told += 1;
        if round % 2 == 0 {
            of_quiet.wait_for(told).await;
        }
        sleep(Duration::from_millis(random_range(0..800))).await;
        drop(killed);
    }
    let all = async || {
        let ids: BTreeSet<_> = of_quiet.received().iter().map(Received::id).collect();
        (ids.len() == told).then_some(())
    };
    eventually("the quiet organisation is told everything", all).await;
    assert_eq!(site.receiver.received().len(), 0, "the other one is throttled");
    drop(lasting);
    let _worker = worker();
    proxy.throttle(None);
    site.told(&loud).await;
}

/// The patients in the items of this type.
fn patients_of(items: &[Item], of_type: &str) -> BTreeSet<String> {
    let items = items.iter().filter(|item| item["type"].as_s().unwrap() == of_type);
    let patients = items.flat_map(|item| match item.get("patient_ids") {
        Some(several) => several.as_l().unwrap().clone(),
        None => vec![item["patient_id"].clone()],
    });
    patients.map(|patient| patient.as_s().unwrap().clone()).collect()
}

/// The service is killed while it answers, and then the workers are, repeatedly.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_table_has_acknowledged_is_in_the_access_log_once_whoever_is_killed() {
    let site = Site::open().await;
    let patients = site.register(40).await;
    let (client, store) = (http_client(), site.store());
    let reads = patients.iter().map(|patient| {
        let (client, uri) =
            (client.clone(), format!("{}/v1/patients/{patient}", site.service.base));
        // Some requests get no response.
        tokio::spawn(async move { drop(send(&client, &uri, "GET", None).await) })
    });
    let reads: Vec<_> = reads.collect();
    let some = async || {
        let acknowledged = patients_of(&items_of(&store).await, "access_request");
        (acknowledged.len() > 5).then_some(())
    };
    eventually("some accesses are written", some).await;
    site.service.signal("KILL");
    join_all(reads).await;
    for _ in 0..kills() {
        let worker = site.worker();
        sleep(Duration::from_millis(random_range(0..500))).await;
        drop(worker);
    }
    let _worker = site.worker();
    let items = eventually("the log has all that was acknowledged", async || {
        let items = items_of(&store).await;
        let of = |of_type| patients_of(&items, of_type);
        (of("access") == of("access_request")).then_some(items)
    });
    for item in items.await.iter().filter(|item| item["type"].as_s().unwrap() == "access") {
        assert_eq!(item["rev"].as_n().unwrap(), "1", "{item:?}");
    }
}
