//! A lease that expires, the heartbeat, and the order of the shards.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use aws_sdk_dynamodb::Client as Table;
use aws_smithy_runtime_api::client::{
    http::{
        HttpClient as _, HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    },
    orchestrator::HttpRequest,
    result::ConnectorError,
};
use metrics_exporter_prometheus::PrometheusBuilder;

use super::*;
use crate::{
    store::{Store, client::local_streams, embedded::Engine},
    time::SystemClock,
};

/// A connector that never responds.
#[derive(Debug)]
struct Silent;

impl HttpConnector for Silent {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(std::future::pending())
    }
}

#[tokio::test]
async fn a_lease_expires_also_during_a_renewal() {
    let engine = Engine::in_memory().unwrap();
    let store = Store::new(engine.client(), "clinic");
    store.create_table().await.unwrap();
    let clock = Arc::new(SystemClock);
    let length = Duration::from_secs(15);
    let leases = Leases { store, clock, owner: "a".to_owned(), length };
    let held = leases.acquire(&Heartbeats::default()).await.unwrap();
    let silent = http_client_fn(|_, _| SharedHttpConnector::new(Silent));
    let silent = Table::from_conf(engine.config().http_client(silent).build());
    let leases = Leases { store: Store::new(silent, "clinic"), ..leases };
    let streams = engine.streams();
    let consumer = Consumer {
        streams,
        leases,
        audit_retention: Retention::TEN_YEARS,
        heartbeats: Heartbeats::default(),
    };
    let until = held.until;
    tokio::time::pause();
    assert!(consumer.hold(held, &CancellationToken::new()).await.is_none());
    let late = Instant::now().duration_since(until);
    // Timers have a resolution of one millisecond; a renewal is retried for 9 seconds.
    assert!(late <= Duration::from_millis(100), "{late:?}");
}

/// A connector to the engine that refuses to read records.
#[derive(Debug)]
struct Refusing {
    engine: SharedHttpConnector,
    refused: Arc<AtomicUsize>,
}

impl HttpConnector for Refusing {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        if !target.ends_with(".GetRecords") {
            return self.engine.call(request);
        }
        self.refused.fetch_add(1, Ordering::SeqCst);
        HttpConnectorFuture::ready(Err(ConnectorError::other("refused".into(), None)))
    }
}

#[tokio::test]
async fn only_a_worker_that_reads_records_has_a_heartbeat() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let shown = recorder.handle();
    let _measuring = ::metrics::set_default_local_recorder(&recorder);
    let beats = || shown.render().contains("last_pass");
    let engine = Engine::in_memory().unwrap();
    let store = Store::new(engine.client(), "clinic");
    store.create_table().await.unwrap();
    let (calls, refused) = (engine.http_client(), Arc::new(AtomicUsize::new(0)));
    let count = refused.clone();
    let refusing = http_client_fn(move |settings, components| {
        let engine = calls.http_connector(settings, components);
        SharedHttpConnector::new(Refusing { engine, refused: count.clone() })
    });
    let lead = |streams, owner: &str| {
        let (clock, length) = (Arc::new(SystemClock), Duration::from_secs(1));
        let leases = Leases { store: store.clone(), clock, owner: owner.to_owned(), length };
        let (audit_retention, heartbeats) = (Retention::TEN_YEARS, Heartbeats::default());
        let consumer = Consumer { streams, leases, audit_retention, heartbeats };
        let stop = CancellationToken::new();
        let told = stop.clone();
        let running = tokio::spawn(async move { consumer.run(told).await });
        (stop, running)
    };
    let until = async |is_so: &dyn Fn() -> bool| {
        let deadline = Instant::now() + Duration::from_mins(2);
        while !is_so() {
            assert!(Instant::now() < deadline, "{}", shown.render());
            sleep(Duration::from_millis(10)).await;
        }
    };
    let (stop, running) = lead(local_streams("http://localhost", refusing), "refused");
    until(&|| refused.load(Ordering::SeqCst) >= 3).await;
    assert!(!beats(), "{}", shown.render());
    stop.cancel();
    running.await.unwrap();
    let (stop, running) = lead(engine.streams(), "served");
    until(&beats).await;
    stop.cancel();
    running.await.unwrap();
}

#[test]
fn a_child_waits_for_its_parent_unless_that_is_gone() {
    let shards = [("a", None), ("b", Some("a")), ("c", Some("gone")), ("d", Some("b"))];
    let parents: Parents =
        shards.map(|(id, parent)| (id.to_owned(), parent.map(str::to_owned))).into();
    let readable = |ended: &[&str]| -> Vec<String> {
        let ended = ended.iter().map(|id| (*id).to_owned()).collect();
        let found = super::readable(&parents, &ended).into_iter();
        let mut found: Vec<_> =
            found.map(|(shard, lost)| shard + &lost.unwrap_or_default()).collect();
        found.sort();
        found
    };
    assert_eq!(readable(&[]), ["a", "cgone"]);
    assert_eq!(readable(&["a"]), ["b", "cgone"]);
    assert_eq!(readable(&["a", "b", "c"]), ["d"]);
}
