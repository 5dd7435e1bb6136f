//! Limits of connections.

use std::time::Duration;

/// The limits of connections.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The maximum number of open connections. Further connections get 503 and are closed.
    pub connections: usize,
    /// The timeout for the first request to arrive with all its headers.
    pub first_request: Duration,
    /// The idle timeout of a connection. It exceeds the 60 seconds of common load balancers, which
    /// would otherwise send requests on a connection that is being closed (AWS, "Application Load
    /// Balancers: connection idle timeout").
    pub idle: Duration,
    /// The timeout of a request until its client has received the whole response. It exceeds the
    /// request deadline.
    pub request: Duration,
    /// The time that a request in flight has to arrive when its connection is about to close.
    pub last_request: Duration,
    /// The timeout of the last response without progress. The system buffers megabytes and reports
    /// progress in steps of that size, so a slow reader may need several seconds per step.
    pub linger: Duration,
    /// Whether the connections count in the metrics. Those of the metrics port do not.
    pub measured: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            first_request: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            request: Duration::from_secs(90),
            last_request: Duration::from_secs(1),
            linger: Duration::from_secs(10),
            measured: true,
        }
    }
}
