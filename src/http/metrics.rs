//! Metrics of the HTTP server, named after OpenTelemetry's conventions. Labels contain matched
//! paths and codes, never ids.

use std::time::Duration;

use anyhow::Context as _;
use axum::{
    Router,
    http::{Method, StatusCode, header},
    routing::get,
};
use jiff::Timestamp;
use metrics::{
    Label, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;

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
const ACCESSES_WAITING: &str = "clinic_api_accesses_waiting";
const ACCESSES_LOST: &str = "clinic_api_accesses_lost_total";
const ISSUER_KEYS: &str = "clinic_api_issuer_keys_timestamp_seconds";
/// The fingerprint of the secret keys.
pub const SECRET_KEYS: &str = "clinic_api_secret_keys_fingerprint";
/// The fingerprint of the search keys.
pub const SEARCH_KEYS: &str = "clinic_api_search_keys_fingerprint";
const READY: &str = "clinic_api_ready";
const BUILD_INFO: &str = "clinic_api_build_info";

/// Upper bounds of the histogram buckets, in seconds: from a cached response to the request
/// deadline.
const BUCKETS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// The content type of the Prometheus text format 0.0.4.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The interval at which samples are aggregated, so that they do not accumulate between scrapes.
const UPKEEP: Duration = Duration::from_secs(5);

/// Starts the metrics of the whole process, and returns the routes of the metrics port. Without it,
/// measurements are discarded and cost almost nothing. `/livez` there returns 503 unless `is_live`.
pub fn start(
    connections: Option<Connections>,
    is_live: impl Fn() -> bool + Clone + Send + Sync + 'static,
) -> anyhow::Result<Router> {
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
        .context("the metrics recorder could not be installed")?;
    describe();
    Collector::default().describe();
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
    Ok(router(handle, connections, is_live))
}

fn router(
    handle: PrometheusHandle,
    connections: Option<Connections>,
    is_live: impl Fn() -> bool + Clone + Send + Sync + 'static,
) -> Router {
    let render = async move || {
        Collector::default().collect();
        if let Some(connections) = &connections {
            connections.measure();
        }
        ([(header::CONTENT_TYPE, TEXT)], handle.render())
    };
    let live = async move || {
        if is_live() {
            (StatusCode::OK, r#"{"status":"ok"}"#)
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"stalled"}"#)
        }
    };
    // `/livez` is here as well, so that probes work while callers use all connections.
    Router::new().route("/metrics", get(render)).route("/livez", get(live))
}

fn describe() {
    describe_histogram!(REQUEST_DURATION, Unit::Seconds, "Duration of requests.");
    describe_gauge!(ACTIVE_REQUESTS, "Requests in progress.");
    describe_gauge!(OPEN_CONNECTIONS, "Open connections.");
    describe_gauge!(REQUESTS_LIMIT, "The limit of concurrent requests.");
    describe_gauge!(CONNECTIONS_LIMIT, "The limit of open connections.");
    describe_counter!(CONNECTIONS_REFUSED, "Connections refused because of the limit.");
    describe_gauge!(
        ACCESSES_WAITING,
        "Requests that showed patient data and wait for the access log."
    );
    describe_counter!(ACCESSES_LOST, "Accesses to patient data that could not be recorded.");
    describe_gauge!(
        ISSUER_KEYS,
        Unit::Seconds,
        "Unix time at which the token issuer's keys were last obtained; 0 if never."
    );
    describe_gauge!(
        SECRET_KEYS,
        "The first 24 bits of the SHA-256 of the secret keys, if they are in a file."
    );
    describe_gauge!(
        SEARCH_KEYS,
        "The first 24 bits of the SHA-256 of the search keys, if they are in a file."
    );
    describe_gauge!(READY, "1 if the process is ready, otherwise 0.");
    describe_gauge!(BUILD_INFO, "Always 1. The labels are the version and the commit.");
    let commit = version::COMMIT.unwrap_or_default();
    gauge!(BUILD_INFO, "version" => version::VERSION, "commit" => commit).set(1.0);
    // Initialise these, so that a missing series means that the process is not scraped.
    gauge!(READY).set(0.0);
    gauge!(ACTIVE_REQUESTS).set(0.0);
    gauge!(OPEN_CONNECTIONS).set(0.0);
    counter!(CONNECTIONS_REFUSED).absolute(0);
    gauge!(ACCESSES_WAITING).set(0.0);
    counter!(ACCESSES_LOST).absolute(0);
    store::start();
}

/// Counts an open connection until the returned guard is dropped.
pub fn connection_opened() -> Counted {
    Counted::begin(OPEN_CONNECTIONS)
}

/// Sets the limits of open connections and of concurrent requests.
#[expect(clippy::cast_precision_loss, reason = "no machine has that many")]
pub fn limits(connections: usize, requests: usize) {
    gauge!(CONNECTIONS_LIMIT).set(connections as f64);
    gauge!(REQUESTS_LIMIT).set(requests as f64);
}

/// Counts a connection that was refused because of the limit.
pub fn connection_refused() {
    counter!(CONNECTIONS_REFUSED).increment(1);
}

/// Counts a request whose accesses wait for the access log, until the returned guard is dropped.
pub fn access_waits() -> Counted {
    Counted::begin(ACCESSES_WAITING)
}

/// Counts an access to patient data that could not be recorded.
pub fn access_lost() {
    counter!(ACCESSES_LOST).increment(1);
}

/// Counts a request in progress until the returned guard is dropped.
pub fn request_begun() -> Counted {
    Counted::begin(ACTIVE_REQUESTS)
}

/// Records the duration of a request. `method` is a known method, `route` the matched path, and
/// `code` the code of the problem. Only a 5xx has a label for the code: each code adds a histogram
/// per route.
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

/// Sets when the issuer's keys were last obtained. `None` if they have not been.
pub fn issuer_keys_obtained(at: Option<Timestamp>) {
    gauge!(ISSUER_KEYS).set(at.map_or(0.0, |at| at.as_duration().as_secs_f64()));
}

/// Sets the fingerprint of keys that were loaded from their file: [`SECRET_KEYS`] or
/// [`SEARCH_KEYS`].
pub fn keys_loaded(keys: &'static str, fingerprint: u32) {
    gauge!(keys).set(fingerprint);
}

/// Sets whether the process is ready.
pub fn ready(ready: bool) {
    gauge!(READY).set(if ready { 1.0 } else { 0.0 });
}

/// Returns the method, or `_OTHER` for unknown ones, because clients can send any text as a method.
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

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn a_stalled_process_is_not_live() {
        for (is_live, status) in [(true, StatusCode::OK), (false, StatusCode::SERVICE_UNAVAILABLE)]
        {
            let handle = PrometheusBuilder::new().build_recorder().handle();
            let request = Request::get("/livez").body(Body::empty()).unwrap();
            let answer = router(handle, None, move || is_live).oneshot(request).await.unwrap();
            assert_eq!(answer.status(), status);
        }
    }
}
