//! Settings that the service and the worker share.

use std::{net::SocketAddr, time::Duration};

use clap::{Args, ValueEnum};
use jiff::SignedDuration;

use super::store::{KeyArgs, StoreArgs};
use crate::{records::webhooks::model::target::AllowList, time::Retention};

/// Settings that the service and the worker share.
#[derive(Debug, Clone, Args)]
pub struct ProcessArgs {
    /// The store.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The secret keys.
    #[command(flatten)]
    pub keys: KeyArgs,
    /// The retention of the access log and the audit log.
    #[command(flatten)]
    pub retention: RetentionArgs,
    /// Hosts with ports, separated by commas, that may receive events over private addresses or
    /// plain HTTP. Example: `localhost:9000`. For development.
    #[arg(long, env = "CLINIC_API_WEBHOOK_ALLOW")]
    pub webhook_allow: Option<AllowList>,
    /// The lease duration of the stream and of a worker's partitions, at most a minute. After a
    /// worker dies, others take over its work when the lease expires.
    #[arg(long, env = "CLINIC_API_WORKER_LEASE", default_value = "15s", value_parser = lease)]
    pub worker_lease: Duration,
    /// The interval at which a worker polls for due deliveries, at most 30 seconds. It doubles
    /// while none are due.
    #[arg(long, env = "CLINIC_API_WORKER_POLL", default_value = "1s", value_parser = poll)]
    pub worker_poll: Duration,
    /// The address that serves `GET /metrics` for Prometheus and `GET /livez`. Default: no metrics
    /// are collected.
    #[arg(long, env = "CLINIC_API_METRICS_LISTEN")]
    pub metrics_listen: Option<SocketAddr>,
    /// The time limit for running requests and deliveries to finish during shutdown.
    #[arg(long, env = "CLINIC_API_DRAIN_TIMEOUT", default_value = "30s", value_parser = duration)]
    pub drain_timeout: Duration,
    /// The log.
    #[command(flatten)]
    pub log: LogArgs,
}

/// The retention of the access log and the audit log.
#[derive(Debug, Clone, Copy, Args)]
pub struct RetentionArgs {
    /// The retention of access log and audit log entries in days, 1 to 36525. Each entry keeps the
    /// expiry that was set when it was written. All replicas, workers and Lambda functions need the
    /// same value.
    #[arg(long, env = "CLINIC_API_AUDIT_RETENTION_DAYS", default_value_t = Retention::TEN_YEARS)]
    pub audit_retention_days: Retention,
}

/// The log.
#[derive(Debug, Clone, Args)]
pub struct LogArgs {
    /// The log filter for standard error, in the syntax of `tracing-subscriber`.
    #[arg(
        long,
        env = "CLINIC_API_LOG",
        default_value = "info,dynoxide=error,aws_config=warn,aws_smithy_runtime=warn"
    )]
    pub log: String,
    /// The log format.
    #[arg(long, env = "CLINIC_API_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// A log format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Human-readable text.
    Text,
    /// One JSON object per line.
    Json,
}

/// Parses a duration such as `5s`, `500ms` or `1m 30s`, up to an hour.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<SignedDuration>().ok();
    let parsed = parsed.filter(|length| *length <= SignedDuration::from_hours(1));
    let parsed = parsed.and_then(|length| Duration::try_from(length).ok());
    parsed.ok_or_else(|| "must be a duration such as 5s or 500ms, up to an hour".to_owned())
}

// The longest values leave room below the alerts in deploy/: no worker reads the stream for 5
// minutes, and no worker reads due deliveries for 2 minutes.

fn lease(text: &str) -> Result<Duration, String> {
    between(text, Duration::from_mins(1))
}

fn poll(text: &str) -> Result<Duration, String> {
    between(text, Duration::from_secs(30))
}

/// Parses a [`duration`] of at least 50 ms, so that a loop with it never spins, and at most `max`.
fn between(text: &str, max: Duration) -> Result<Duration, String> {
    let refusal = || format!("must be at least 50ms and at most {}s", max.as_secs());
    let range = Duration::from_millis(50)..=max;
    duration(text).and_then(|it| range.contains(&it).then_some(it).ok_or_else(refusal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        for bad in ["", "5", "-5s", "2h", "soon"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_intervals_of_a_worker_are_neither_too_short_nor_too_long_for_its_alerts() {
        assert_eq!(lease("50ms"), Ok(Duration::from_millis(50)));
        assert_eq!(lease("60s"), Ok(Duration::from_mins(1)));
        assert_eq!(poll("30s"), Ok(Duration::from_secs(30)));
        for (refused, message) in [
            (lease("49ms"), "at most 60s"),
            (lease("61s"), "at most 60s"),
            (poll("49ms"), "at most 30s"),
            (poll("31s"), "at most 30s"),
            (poll("soon"), "a duration such as"),
        ] {
            assert!(refused.as_ref().is_err_and(|it| it.contains(message)), "{refused:?}");
        }
    }
}
