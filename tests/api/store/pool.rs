//! Metrics of the connections to DynamoDB.

use aws_sdk_dynamodb::Client;
use clinic_api::store::{client::local_config, connections::Connections, metrics};
use futures_util::future::join_all;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::support::{
    TestApp,
    builder::long_timeouts,
    eventually,
    metrics::shown,
    process::{RemoteTable, text},
    proxy::{Proxy, Spoilt},
};

/// A client with its own connection pool, and its metrics.
struct Site {
    app: TestApp,
    proxy: Proxy,
    connections: Connections,
    client: Client,
    measured: PrometheusHandle,
}

impl Site {
    async fn new(measured: PrometheusHandle) -> Self {
        let app = TestApp::builder().with_port().spawn().await;
        let proxy = Proxy::before(app.endpoint(), 0).await;
        let connections = Connections::on_this_machine().unwrap();
        let config = local_config(&proxy.endpoint(), connections.http_client());
        let config = config.timeout_config(long_timeouts());
        Self { app, proxy, connections, client: Client::from_conf(config.build()), measured }
    }

    fn call(&self) -> impl Future<Output = bool> + Send + use<> {
        let call = self.client.describe_table().table_name(self.app.store.table());
        async move { call.send().await.is_ok() }
    }

    /// Makes two concurrent calls, and runs `under_way` while they are active.
    async fn both(&self, under_way: impl AsyncFnOnce()) {
        self.proxy.hold();
        let meanwhile = async {
            self.proxy.holds(2).await;
            under_way().await;
            self.proxy.let_go();
        };
        let (done, ()) = tokio::join!(join_all([self.call(), self.call()]), meanwhile);
        assert_eq!(done, [true, true]);
    }

    /// The value of a metric with its labels, if present.
    fn value(&self, metric: &str) -> Option<f64> {
        self.connections.measure();
        shown(&self.measured.render(), metric)
    }

    async fn shows(&self, metric: &str, value: f64) {
        let what = format!("{metric} {value}");
        eventually(&what, async || (self.value(metric) == Some(value)).then_some(())).await;
    }
}

const USED: &str = r#"db_client_open_connections{db_client_connection_state="used"}"#;
const IDLE: &str = r#"db_client_open_connections{db_client_connection_state="idle"}"#;
const PENDING: &str = "db_client_connection_pending_requests";
const OPENED: &str = r#"db_client_connection_create_time_seconds_count{error_type=""}"#;
const NOT_OPENED: &str =
    r#"db_client_connection_create_time_seconds_count{error_type="transport"}"#;
const CUT_OFF: &str = r#"db_client_connections_closed_total{reason="protocol_closed"}"#;
const ABANDONED: &str = r#"db_client_connections_closed_total{reason="incomplete_exchange"}"#;

#[tokio::test]
async fn connections_are_counted_while_they_are_open_and_as_they_come_and_go() {
    let recorder = PrometheusBuilder::new().build_recorder();
    // Before the recorder is installed: with an external engine, the setup uses connections too.
    let site = Site::new(recorder.handle()).await;
    // The recorder of this thread, on which the whole test runs.
    let _measuring = ::metrics::set_default_local_recorder(&recorder);
    metrics::start();
    Connections::describe();
    for none in [USED, IDLE, PENDING, CUT_OFF, ABANDONED] {
        assert_eq!(site.value(none), Some(0.0), "{none}");
    }
    assert_eq!(site.value(OPENED), None);
    site.proxy.spoil_all(&[Spoilt::Held]);
    site.both(async || {
        site.shows(USED, 2.0).await;
        assert_eq!(site.value(IDLE), Some(0.0));
    })
    .await;
    site.shows(IDLE, 2.0).await;
    for (metric, value) in [(USED, 0.0), (PENDING, 0.0), (OPENED, 2.0)] {
        assert_eq!(site.value(metric), Some(value), "{metric}");
    }
    // Both connections are reused.
    site.both(async || {}).await;
    assert_eq!(site.value(OPENED), Some(2.0));
    site.proxy.spoil(0.0);
    // A caller that gives up leaves a connection with an outstanding response, which must not be reused.
    site.proxy.hold();
    site.proxy.spoil_next(Spoilt::Held);
    let calling = tokio::spawn(site.call());
    site.proxy.holds(1).await;
    calling.abort();
    assert!(calling.await.unwrap_err().is_cancelled());
    site.shows(ABANDONED, 1.0).await;
    site.shows(IDLE, 1.0).await;
    site.proxy.down().await;
    site.shows(CUT_OFF, 1.0).await;
    site.shows(IDLE, 0.0).await;
    assert!(!site.call().await);
    assert!(site.value(NOT_OPENED).unwrap() >= 1.0);
    assert_eq!(site.value(OPENED), Some(2.0));
    site.proxy.up();
    eventually("it is reached again", async || site.call().await.then_some(())).await;
    site.shows(OPENED, 3.0).await;
    site.shows(IDLE, 1.0).await;
}

/// As every AWS program does.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_the_environment_names_leads_to_dynamodb() {
    let (folder, table) = (tempfile::tempdir().unwrap(), RemoteTable::missing().await);
    let proxy = Proxy::before(table.endpoint(), 0).await;
    for (bypassed, reached) in [("another.invalid", true), ("dynamodb.invalid", false)] {
        let mut create = table.program(folder.path());
        create
            .args(["table", "create"])
            .env("AWS_ENDPOINT_URL_DYNAMODB", "http://dynamodb.invalid")
            .env("HTTP_PROXY", proxy.endpoint())
            .env("NO_PROXY", bypassed);
        let ended = create.output().unwrap();
        assert_eq!(ended.status.success(), reached, "{}", text(&ended));
    }
}
