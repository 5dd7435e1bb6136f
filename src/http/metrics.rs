//! What the process measures of itself, by OpenTelemetry's conventions. Labels hold matched paths and codes, never ids.

use std::time::Duration;

use anyhow::Context as _;
use axum::{
    Router,
    http::{Method, header},
    routing::get,
};
use metrics::{
    Label, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::{
    store::{
        connections::{self, Connections},
        metrics::{self as store, Counted},
    },
    version,
};

const REQUEST_DURATION: &str = "http_server_request_duration_seconds";
const ACTIVE_REQUESTS: &str = "http_server_active_requests";
const OPEN_CONNECTIONS: &str = "http_server_open_connections";
const CONNECTIONS_LIMIT: &str = "http_server_connections_limit";
const REQUESTS_LIMIT: &str = "http_server_requests_limit";
const CONNECTIONS_REFUSED: &str = "http_server_connections_refused_total";
const AUDIT_LOST: &str = "clinic_api_audit_lost_total";
const READY: &str = "clinic_api_ready";
const BUILD_INFO: &str = "clinic_api_build_info";

/// Upper bounds of the histograms, in seconds: from a cached answer to the request deadline.
const BUCKETS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// The text format of Prometheus 0.0.4.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How often what was measured is taken together, so that it does not pile up while nobody asks.
const UPKEEP: Duration = Duration::from_secs(5);

/// Starts measuring for the whole process. Without it, measurements go nowhere and cost next to nothing.
pub fn start(connections: Option<Connections>) -> anyhow::Result<Router> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_duration_seconds".to_owned()), &BUCKETS)
        .and_then(|builder| {
            let create_time = Matcher::Full(connections::CREATE_TIME.to_owned());
            builder.set_buckets_for_metric(create_time, &BUCKETS)
        })
        .and_then(|builder| {
            let capacity = Matcher::Full(store::CAPACITY.to_owned());
            builder.set_buckets_for_metric(capacity, &store::CAPACITY_BUCKETS)
        })
        .and_then(PrometheusBuilder::install_recorder)
        .context("metrics can't be collected")?;
    describe();
    if connections.is_some() {
        Connections::describe();
    }
    let upkeep = handle.clone();
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(UPKEEP);
        loop {
            ticks.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(router(handle, connections))
}

fn router(handle: PrometheusHandle, connections: Option<Connections>) -> Router {
    let render = async move || {
        if let Some(connections) = &connections {
            connections.measure();
        }
        ([(header::CONTENT_TYPE, TEXT)], handle.render())
    };
    // Liveness is asked here too: also while callers have taken all connections.
    Router::new().route("/metrics", get(render)).route("/livez", get(async || r#"{"status":"ok"}"#))
}

fn describe() {
    describe_histogram!(REQUEST_DURATION, Unit::Seconds, "How long requests took to answer.");
    describe_gauge!(ACTIVE_REQUESTS, "Requests that are under way.");
    describe_gauge!(OPEN_CONNECTIONS, "Connections that are open.");
    describe_gauge!(REQUESTS_LIMIT, "The limit of concurrent requests.");
    describe_gauge!(CONNECTIONS_LIMIT, "How many connections may be open at once.");
    describe_counter!(CONNECTIONS_REFUSED, "Connections that were one too many.");
    describe_counter!(AUDIT_LOST, "Accesses to patients' data that could not be remembered.");
    describe_gauge!(READY, "1 while the process takes requests, 0 while it is not ready.");
    describe_gauge!(BUILD_INFO, "1; its labels tell what runs.");
    let commit = version::COMMIT.unwrap_or_default();
    gauge!(BUILD_INFO, "version" => version::VERSION, "commit" => commit).set(1.0);
    // These are there from the start, so that what is missing means that nobody measures.
    gauge!(READY).set(0.0);
    gauge!(ACTIVE_REQUESTS).set(0.0);
    gauge!(OPEN_CONNECTIONS).set(0.0);
    counter!(CONNECTIONS_REFUSED).absolute(0);
    counter!(AUDIT_LOST).absolute(0);
    store::start();
}

/// A connection was opened; it counts until what this answers is dropped.
pub fn connection_opened() -> Counted {
    Counted::begin(OPEN_CONNECTIONS)
}

/// How many connections may be open at once, and the limit of concurrent requests.
#[expect(clippy::cast_precision_loss, reason = "no machine has that many")]
pub fn limits(connections: usize, requests: usize) {
    gauge!(CONNECTIONS_LIMIT).set(connections as f64);
    gauge!(REQUESTS_LIMIT).set(requests as f64);
}

/// A connection was one too many.
pub fn connection_refused() {
    counter!(CONNECTIONS_REFUSED).increment(1);
}

/// An access to a patient's data could not be remembered.
pub fn audit_lost() {
    counter!(AUDIT_LOST).increment(1);
}

/// A request has come; it counts until what this answers is dropped.
pub fn request_begun() -> Counted {
    Counted::begin(ACTIVE_REQUESTS)
}

/// A request was answered. `method` is a known one, `route` the matched path, `code` that of its problem.
/// Only failures of ours have a label for the code: each would be a histogram more for each route.
pub fn request_answered(
    method: &'static str,
    route: &str,
    status: u16,
    code: Option<&'static str>,
    elapsed: Duration,
) {
    if !store::measured() {
        return;
    }
    let (route, status_code) = (route.to_owned(), status.to_string());
    let mut labels = vec![
        Label::from_static_parts("http_request_method", method),
        Label::new("http_route", route),
        Label::new("http_response_status_code", status_code),
    ];
    let code = code.filter(|_| status >= 500);
    labels.extend(code.map(|code| Label::from_static_parts("error_type", code)));
    histogram!(REQUEST_DURATION, labels).record(elapsed);
}

/// Whether the process is ready.
pub fn ready(ready: bool) {
    gauge!(READY).set(if ready { 1.0 } else { 0.0 });
}

/// Anybody can make up methods: the ones that we do not know are one.
pub(super) fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::PUT => "PUT",
        _ => "_OTHER",
    }
}
