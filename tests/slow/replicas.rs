//! Three replicas behind a load balancer, of which one or all lose the table. The balancer chooses at random among the replicas
//! that are ready by the rule of the Kubernetes manifest. The test drives the probes, so that a period is no time but a step.

use std::{fs, ops::AddAssign, path::Path, time::Duration};

use axum::{
    body::Bytes,
    http::{Request, header},
};
use futures_util::{StreamExt as _, future::join_all, stream};
use http_body_util::{BodyExt as _, Full};
use rand::{SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use crate::support::{
    process::{HttpClient, RemoteTable, Running, admin_token, http_client},
    proxy::Proxy,
    wait::DEADLINE,
    watched::without_rates,
};

const REPLICAS: usize = 3;
/// The number of requests between two probes.
const REQUESTS: usize = 90;
const CONCURRENT: usize = 8;
/// The seed of the balancer's choices, so that shares are the same in each run.
const SEED: u64 = 29;
/// Longer than the service reuses the result of a readiness check (`operations/readiness.rs`).
const FRESH: Duration = Duration::from_millis(1100);

/// The readiness probe of the Kubernetes manifest.
struct Probe {
    path: String,
    failure_threshold: u64,
}

impl Probe {
    fn of_manifest() -> Self {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kubernetes/base/deployment.yaml");
        let manifest: Value = serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let probe = &manifest["spec"]["template"]["spec"]["containers"][0]["readinessProbe"];
        // Otherwise a probe could get the result of the previous one, which this test rules out.
        assert!(Duration::from_secs(probe["periodSeconds"].as_u64().unwrap()) >= FRESH);
        assert!(probe.get("successThreshold").is_none(), "one success is enough");
        Self {
            path: probe["httpGet"]["path"].as_str().unwrap().to_owned(),
            failure_threshold: probe["failureThreshold"].as_u64().unwrap(),
        }
    }
}

struct Replica {
    running: Running,
    /// The URL of its metrics, without the path.
    metrics: String,
    proxy: Proxy,
    is_ready: bool,
    /// The number of failed probes since the last success.
    failures: u64,
}

impl Replica {
    async fn start(folder: &Path, table: &RemoteTable) -> Self {
        let proxy = Proxy::before(table.endpoint(), SEED).await;
        let mut command = table.program(folder);
        command.env("AWS_ENDPOINT_URL_DYNAMODB", proxy.endpoint());
        command.args(["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]);
        let mut running = Running::launch(without_rates(&mut command), 5);
        let metrics = running.metrics().strip_suffix("/metrics").unwrap().to_owned();
        Self { running, metrics, proxy, is_ready: false, failures: 0 }
    }
}

/// The requests between two probes.
#[derive(Debug, Clone, Copy, Default)]
struct Requests {
    /// The requests that each replica got.
    sent: [usize; REPLICAS],
    /// The requests that got 503.
    failed: usize,
}

impl AddAssign for Requests {
    fn add_assign(&mut self, other: Self) {
        for (sum, sent) in self.sent.iter_mut().zip(other.sent) {
            *sum += sent;
        }
        self.failed += other.failed;
    }
}

/// The replicas and their load balancer.
struct Cluster {
    probe: Probe,
    replicas: Vec<Replica>,
    client: HttpClient,
    choices: StdRng,
    patient: String,
    _table: RemoteTable,
    _folder: TempDir,
}

impl Cluster {
    /// Starts the replicas and probes them once.
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let table = RemoteTable::missing().await;
        table.create(folder.path());
        let mut replicas = Vec::new();
        for _ in 0..REPLICAS {
            replicas.push(Replica::start(folder.path(), &table).await);
        }
        let patient = json!({ "name": "Ida Example" });
        let (status, made) = replicas[0].running.send("POST", "/v1/patients", Some(patient)).await;
        assert_eq!(status, 201, "{made}");
        let mut cluster = Self {
            probe: Probe::of_manifest(),
            replicas,
            client: http_client(),
            choices: StdRng::seed_from_u64(SEED),
            patient: format!("/v1/patients/{}", made["id"].as_str().unwrap()),
            _table: table,
            _folder: folder,
        };
        assert_eq!(cluster.probe().await, [true; REPLICAS]);
        cluster
    }

    /// Sends a request as an administrator. Returns the status, the media type and the body.
    async fn send(&self, url: String, body: Option<Value>) -> (u16, String, Value) {
        let method = if body.is_some() { "POST" } else { "GET" };
        let request = Request::builder()
            .method(method)
            .uri(&url)
            .header(header::AUTHORIZATION, format!("Bearer {}", admin_token()))
            .header(header::CONTENT_TYPE, "application/json");
        let body: Bytes = body.map(|body| body.to_string()).unwrap_or_default().into();
        let answer = async {
            let answer =
                self.client.request(request.body(Full::from(body)).unwrap()).await.unwrap();
            let (head, body) = answer.into_parts();
            (head, body.collect().await.unwrap().to_bytes())
        };
        let (head, body) = timeout(DEADLINE, answer).await.expect("no request hangs");
        let media = head.headers[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        (head.status.as_u16(), media, serde_json::from_slice(&body).unwrap())
    }

    /// Probes every replica once. Returns which ones get requests from now on.
    async fn probe(&mut self) -> [bool; REPLICAS] {
        sleep(FRESH).await;
        let probes = self.replicas.iter().map(async |replica| {
            for base in [&replica.running.base, &replica.metrics] {
                let live = self.send(format!("{base}/livez"), None).await;
                assert_eq!(live.0, 200, "an outage of the table restarts no replica: {live:?}");
            }
            let url = format!("{}{}", replica.running.base, self.probe.path);
            let (status, _, body) = self.send(url, None).await;
            assert!(status == 200 || body["code"] == "store_unreachable", "{status} {body}");
            status == 200
        });
        for (number, succeeded) in join_all(probes).await.into_iter().enumerate() {
            let replica = &mut self.replicas[number];
            replica.failures = if succeeded { 0 } else { replica.failures + 1 };
            if succeeded {
                replica.is_ready = true;
            } else if replica.failures >= self.probe.failure_threshold {
                replica.is_ready = false;
            }
        }
        std::array::from_fn(|number| self.replicas[number].is_ready)
    }

    /// Sends the requests of one period, half of them writes, to ready replicas chosen at random. Each is answered, with
    /// success or with 503.
    async fn requests(&mut self) -> Requests {
        let ready: Vec<usize> =
            (0..REPLICAS).filter(|number| self.replicas[*number].is_ready).collect();
        let chosen: Vec<usize> =
            (0..REQUESTS).map(|_| *ready.choose(&mut self.choices).unwrap()).collect();
        let cluster = &*self;
        let sending = chosen.into_iter().enumerate().map(|(request, replica)| {
            let base = &cluster.replicas[replica].running.base;
            let (url, body) = if request % 2 == 0 {
                (format!("{base}{}", cluster.patient), None)
            } else {
                (format!("{base}/v1/patients"), Some(json!({ "name": "Ida Example" })))
            };
            async move { (replica, cluster.send(url, body).await) }
        });
        let sending: Vec<_> = sending.collect();
        let answers: Vec<_> = stream::iter(sending).buffer_unordered(CONCURRENT).collect().await;
        let mut requests = Requests::default();
        for (replica, (status, media, body)) in answers {
            requests.sent[replica] += 1;
            if !(200..300).contains(&status) {
                assert_eq!((status, media.as_str()), (503, "application/problem+json"), "{body}");
                assert_eq!(body["code"], "store_unreachable", "{body}");
                requests.failed += 1;
            }
        }
        requests
    }

    /// Sends requests of which none fails. Returns how many each replica got.
    async fn served(&mut self) -> [usize; REPLICAS] {
        let requests = self.requests().await;
        assert_eq!(requests.failed, 0, "{requests:?}");
        requests.sent
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_replica_without_its_table() {
    let mut cluster = Cluster::start().await;
    assert!(cluster.served().await.iter().all(|sent| *sent > 0), "all three serve");
    // The connection is cut just after a probe, so that its requests fail for as many periods as possible.
    cluster.replicas[0].proxy.down().await;
    let periods = cluster.probe.failure_threshold;
    let mut failing = Requests::default();
    for period in 1..=periods {
        failing += cluster.requests().await;
        assert_eq!(cluster.probe().await, [period < periods, true, true], "after {period} probes");
    }
    let sent: usize = failing.sent.iter().sum();
    assert_eq!(failing.failed, failing.sent[0], "its requests fail, and no others");
    assert!(failing.failed > 0 && failing.failed * 100 <= sent * 40, "about a third: {failing:?}");
    let mut later = 0;
    for _ in 0..3 {
        let [of_cut, others @ ..] = cluster.served().await;
        assert_eq!(of_cut, 0, "it gets no requests");
        later += others.iter().sum::<usize>();
        assert_eq!(cluster.probe().await, [false, true, true]);
    }
    cluster.replicas[0].proxy.up();
    assert_eq!(cluster.probe().await, [true; REPLICAS]);
    let again = cluster.served().await;
    assert!(again[0] > 0, "it serves again: {again:?}");
    println!(
        "{} of {sent} requests failed in {periods} periods ({} %), then 0 of {later}, and 0 of {} after the outage",
        failing.failed,
        failing.failed * 100 / sent,
        again.iter().sum::<usize>(),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn all_replicas_without_their_table() {
    let mut cluster = Cluster::start().await;
    for replica in &cluster.replicas {
        replica.proxy.down().await;
    }
    let periods = cluster.probe.failure_threshold;
    for period in 1..=periods + 2 {
        assert_eq!(cluster.probe().await, [period < periods; REPLICAS], "after {period} probes");
    }
    for replica in &cluster.replicas {
        replica.proxy.up();
    }
    assert_eq!(cluster.probe().await, [true; REPLICAS]);
    assert!(cluster.served().await.iter().all(|sent| *sent > 0), "all three serve again");
}
