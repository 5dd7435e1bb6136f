//! The pool of connections to DynamoDB, and its metrics.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Instant, SystemTime},
};

use aws_smithy_async::time::TimeSource;
use aws_smithy_http_client::{
    pool::{
        Builder, Client, CloseReason, ConnectionEstablishmentStage, ConnectionEvent,
        ConnectionPool, OriginKey, PartitionId,
    },
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};
use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use super::{errors::StartError, metrics::measured};

// OpenTelemetry's `db.client.connection.count`. In Prometheus, a name that ends in `_count` belongs
// to a histogram.
const OPEN: &str = "db_client_open_connections";
const PENDING: &str = "db_client_connection_pending_requests";
/// The histogram of the time to open a connection, in seconds.
pub const CREATE_TIME: &str = "db_client_connection_create_time_seconds";
const CLOSED: &str = "db_client_connections_closed_total";

/// A monotonic clock. With the system clock, a clock change could expire all idle connections at
/// once, or none for a long time.
#[derive(Debug)]
struct Elapsed(Instant);

impl TimeSource for Elapsed {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.0.elapsed()
    }
}

/// The origins (scheme, host and port) of the pool's connections: those of the table and of its
/// stream.
type Origins = Arc<Mutex<Vec<OriginKey>>>;

fn lock(origins: &Origins) -> MutexGuard<'_, Vec<OriginKey>> {
    origins.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The connections of one process to DynamoDB. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Connections {
    pool: ConnectionPool,
    client: Client,
    origins: Origins,
}

impl Connections {
    /// Creates a pool with TLS and the proxy of the environment (`HTTPS_PROXY`, `HTTP_PROXY`,
    /// `NO_PROXY`).
    pub fn as_environment_says() -> Result<Self, StartError> {
        Self::of(|pool| {
            let pool = pool.proxy_config(ProxyConfig::from_env());
            Ok(pool.tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https()?)
        })
    }

    /// Creates a pool without TLS, for engines on this machine.
    pub fn on_this_machine() -> Result<Self, StartError> {
        Self::of(|pool| Ok(pool.build_http()?))
    }

    fn of(
        build: impl FnOnce(Builder) -> Result<ConnectionPool, StartError>,
    ) -> Result<Self, StartError> {
        let origins = Origins::default();
        let observed = origins.clone();
        let pool = ConnectionPool::builder()
            .time_source(Elapsed(Instant::now()))
            .event_listener(move |event: &ConnectionEvent<'_>| observe(event, &observed));
        let pool = build(pool)?;
        let client = Client::new(&pool)?;
        Ok(Self { pool, client, origins })
    }

    /// Returns the HTTP client that sends the SDK's calls over the pool.
    pub fn http_client(&self) -> Client {
        self.client.clone()
    }

    /// Registers the metrics. The counters of closed connections start at 0.
    pub fn describe() {
        describe_gauge!(OPEN, "Open connections to DynamoDB, by state.");
        describe_gauge!(PENDING, "DynamoDB calls that wait for a connection.");
        describe_histogram!(
            CREATE_TIME,
            Unit::Seconds,
            "Time to open a connection to DynamoDB, including TLS."
        );
        describe_counter!(CLOSED, "Closed connections to DynamoDB, by reason.");
        for reason in REASONS {
            counter!(CLOSED, "reason" => reason).absolute(0);
        }
    }

    /// Updates the connection gauges.
    #[expect(clippy::cast_precision_loss, reason = "the numbers are small")]
    pub fn measure(&self) {
        let (mut open, mut idle, mut pending) = (0, 0, 0);
        for origin in lock(&self.origins).iter() {
            if let Some(stats) = self.pool.partition_stats(PartitionId::ANONYMOUS, origin) {
                open += stats.physically_live_connections();
                idle += stats.h1().idle();
                pending += stats.pending_acquisitions();
            }
        }
        // The counts are not read atomically.
        let used = open.saturating_sub(idle);
        gauge!(OPEN, "db_client_connection_state" => "used").set(used as f64);
        gauge!(OPEN, "db_client_connection_state" => "idle").set(idle as f64);
        gauge!(PENDING).set(pending as f64);
    }
}

fn observe(event: &ConnectionEvent<'_>, origins: &Origins) {
    let (establishment, error, stats) = match event {
        ConnectionEvent::Opened(opened) => (opened.establishment(), "", opened.stats()),
        ConnectionEvent::EstablishmentFailed(failed) => {
            (failed.establishment(), stage(failed.stage()), failed.stats())
        }
        ConnectionEvent::PhysicalClose(closed) => {
            if measured() {
                counter!(CLOSED, "reason" => reason(closed.reason())).increment(1);
            }
            return;
        }
        _ => return,
    };
    let origin = establishment.origin();
    let mut known = lock(origins);
    if !known.contains(origin) {
        known.push(origin.clone());
    }
    drop(known);
    if measured() {
        histogram!(CREATE_TIME, "error_type" => error).record(stats.total_duration());
    }
}

/// Returns the stage at which opening a connection failed.
fn stage(stage: ConnectionEstablishmentStage) -> &'static str {
    match stage {
        ConnectionEstablishmentStage::Transport => "transport",
        ConnectionEstablishmentStage::ProtocolSelection => "protocol_selection",
        ConnectionEstablishmentStage::ProtocolHandshake => "protocol_handshake",
        _ => "_OTHER",
    }
}

const REASONS: [&str; 4] = ["idle_timeout", "incomplete_exchange", "poisoned", "protocol_closed"];

fn reason(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::IdleTimeout => "idle_timeout",
        CloseReason::IncompleteH1Exchange => "incomplete_exchange",
        CloseReason::Poisoned => "poisoned",
        CloseReason::ProtocolClosed => "protocol_closed",
        _ => "_OTHER",
    }
}
