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
    /// The retention of what the audit keeps.
    #[command(flatten)]
    pub retention: RetentionArgs,
    /// Hosts with their ports, separated by commas, to which events may be sent although their addresses are not public, also
    /// without TLS, as `localhost:9000`. For development.
    #[arg(long, env = "CLINIC_API_WEBHOOK_ALLOW")]
    pub webhook_allow: Option<AllowList>,
    /// The lease of the stream: a worker that dies keeps others from reading it for so long.
    #[arg(long, env = "CLINIC_API_WORKER_LEASE", default_value = "15s", value_parser = pause)]
    pub worker_lease: Duration,
    /// The interval at which the worker reads the deliveries that are due.
    #[arg(long, env = "CLINIC_API_WORKER_POLL", default_value = "1s", value_parser = pause)]
    pub worker_poll: Duration,
    /// The address on which to answer `GET /metrics` for Prometheus, and `GET /livez`; nothing is measured if left out.
    #[arg(long, env = "CLINIC_API_METRICS_LISTEN")]
    pub metrics_listen: Option<SocketAddr>,
    /// The time limit for running requests and deliveries to finish once the process stops.
    #[arg(long, env = "CLINIC_API_DRAIN_TIMEOUT", default_value = "30s", value_parser = duration)]
    pub drain_timeout: Duration,
    /// The log.
    #[command(flatten)]
    pub log: LogArgs,
}

/// The retention of what the audit keeps.
#[derive(Debug, Clone, Copy, Args)]
pub struct RetentionArgs {
    /// The days for which the access log and the audit log are kept, 1 to 36525. It counts for what is written from then on:
    /// each entry expires by the setting of its time.
    #[arg(long, env = "CLINIC_API_AUDIT_RETENTION_DAYS", default_value_t = Retention::TEN_YEARS)]
    pub audit_retention_days: Retention,
}

/// The log.
#[derive(Debug, Clone, Args)]
pub struct LogArgs {
    /// The filter of what is logged to standard error, in the syntax of `tracing-subscriber`.
    #[arg(
        long,
        env = "CLINIC_API_LOG",
        default_value = "info,dynoxide=error,aws_config=warn,aws_smithy_runtime=warn"
    )]
    pub log: String,
    /// The format of the log.
    #[arg(long, env = "CLINIC_API_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// A format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// A length of time such as `5s`, `500ms` or `1m 30s`, up to an hour.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<SignedDuration>().ok();
    let parsed = parsed.filter(|length| *length <= SignedDuration::from_hours(1));
    let parsed = parsed.and_then(|length| Duration::try_from(length).ok());
    parsed.ok_or_else(|| "is not a length of time such as 5s or 500ms, up to an hour".to_owned())
}

/// The length of a pause: a [`duration`] of at least 50 ms, so that a loop with it never spins.
pub(super) fn pause(text: &str) -> Result<Duration, String> {
    let pause = duration(text)?;
    if pause >= Duration::from_millis(50) { Ok(pause) } else { Err("is less than 50ms".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_units() {
        assert_eq!(duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        for bad in ["", "5", "-5s", "2h", "soon"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert_eq!(pause("50ms"), Ok(Duration::from_millis(50)));
        assert!(pause("49ms").is_err() && pause("soon").is_err());
    }
}
