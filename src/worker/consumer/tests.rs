//! A lease that expires, a worker that can't read, the heartbeat, and the order of the shards.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should say where")]

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
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tokio::task::JoinHandle;

use super::*;
use crate::{
    store::{Store, client::local_streams, embedded::Engine, keys},
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
    assert!(!consumer.hold(held, &CancellationToken::new()).await);
    let late = Instant::now().duration_since(until);
    // Timers have a resolution of one millisecond; a renewal is retried for 9 seconds.
    assert!(late <= Duration::from_millis(100), "{late:?}");
}

/// A connector to the engine that refuses the calls of one operation.
#[derive(Debug)]
struct Refusing {
    engine: SharedHttpConnector,
    operation: &'static str,
    refused: Arc<AtomicUsize>,
}

impl HttpConnector for Refusing {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        if !target.ends_with(self.operation) {
            return self.engine.call(request);
        }
        self.refused.fetch_add(1, Ordering::SeqCst);
        HttpConnectorFuture::ready(Err(ConnectorError::other("refused".into(), None)))
    }
}

/// A table on an engine, with the metrics of this thread.
struct Site {
    engine: Engine,
    store: Store,
    metrics: PrometheusHandle,
}

impl Site {
    async fn open(recorder: &PrometheusRecorder) -> Self {
        let engine = Engine::in_memory().unwrap();
        let store = Store::new(engine.client(), "clinic");
        store.create_table().await.unwrap();
        Self { engine, store, metrics: recorder.handle() }
    }

    /// A client whose calls of this operation are refused, and their number.
    fn refusing(&self, operation: &'static str) -> (Client, Arc<AtomicUsize>) {
        let (calls, refused) = (self.engine.http_client(), Arc::new(AtomicUsize::new(0)));
        let count = refused.clone();
        let refusing = http_client_fn(move |settings, components| {
            let engine = calls.http_connector(settings, components);
            SharedHttpConnector::new(Refusing { engine, operation, refused: count.clone() })
        });
        (local_streams("http://localhost", refusing), refused)
    }

    fn start(&self, streams: Client, owner: &str) -> Started {
        let (store, clock) = (self.store.clone(), Arc::new(SystemClock));
        let length = Duration::from_secs(15);
        let leases = Leases { store, clock, owner: owner.to_owned(), length };
        let (audit_retention, heartbeats) = (Retention::TEN_YEARS, Heartbeats::default());
        let consumer = Consumer { streams, leases, audit_retention, heartbeats };
        let stop = CancellationToken::new();
        let told = stop.clone();
        let running = tokio::spawn(async move { consumer.run(told).await });
        Started { stop, running }
    }

    async fn until(&self, is_so: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_mins(5);
        while !is_so() {
            assert!(Instant::now() < deadline, "{}", self.metrics.render());
            sleep(Duration::from_millis(10)).await;
        }
    }

    fn has_metric(&self, name: &str) -> bool {
        self.metrics.render().contains(name)
    }

    async fn owner(&self) -> String {
        let lease = self.store.get_item(&keys::lease("stream"), true).await.unwrap().unwrap();
        lease["owner"].as_s().unwrap().clone()
    }
}

/// A running consumer.
struct Started {
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Started {
    async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap();
    }
}

#[tokio::test]
async fn only_a_worker_that_reads_records_has_a_heartbeat() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _measuring = ::metrics::set_default_local_recorder(&recorder);
    let site = Site::open(&recorder).await;
    let beats = || site.has_metric("last_pass");
    let (streams, refused) = site.refusing(".GetRecords");
    let worker = site.start(streams, "refused");
    site.until(|| refused.load(Ordering::SeqCst) >= 3).await;
    assert!(!beats(), "{}", site.metrics.render());
    worker.stop().await;
    let worker = site.start(site.engine.streams(), "served");
    site.until(beats).await;
    worker.stop().await;
}

/// It can't list the shards, or it can't read their records.
#[tokio::test(start_paused = true)]
async fn a_standby_takes_over_from_a_worker_that_cannot_read() {
    for operation in [".DescribeStream", ".GetRecords"] {
        let recorder = PrometheusBuilder::new().build_recorder();
        let _measuring = ::metrics::set_default_local_recorder(&recorder);
        let site = Site::open(&recorder).await;
        let (streams, refused) = site.refusing(operation);
        let first = site.start(streams, "refused");
        // It has the lease, or had it.
        site.until(|| refused.load(Ordering::SeqCst) > 0).await;
        let leads = || site.has_metric("stream_leader 1");
        sleep(Duration::from_mins(2)).await;
        assert!(!leads(), "{operation}: it does not count as a reader");
        let standby = site.start(site.engine.streams(), "standby");
        site.until(|| site.has_metric("stream_records_total")).await;
        site.until(leads).await;
        assert_eq!(site.owner().await, "standby", "{operation}");
        // The first one tries for the lease again, and gets it only when the other one has stopped.
        let calls = refused.load(Ordering::SeqCst);
        sleep(Duration::from_mins(1)).await;
        assert_eq!(refused.load(Ordering::SeqCst), calls, "{operation}");
        standby.stop().await;
        site.until(|| refused.load(Ordering::SeqCst) > calls).await;
        first.stop().await;
        assert_eq!(site.owner().await, "", "{operation}: it releases the lease when it stops");
    }
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
