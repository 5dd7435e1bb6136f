//! Limits of connections.

use std::time::Duration;

/// The limits of connections.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The limit of open connections; one more is answered with 503 and closed.
    pub connections: usize,
    /// The time limit for the first request to arrive with all of its headers.
    pub first_request: Duration,
    /// The time limit of a connection without a request. Longer than the 60 seconds of common load balancers,
    /// which otherwise send a request on a connection that is just being closed
    /// (AWS, "Application Load Balancers: connection idle timeout").
    pub idle: Duration,
    /// The time limit of a request until its client has taken the last of the response: more than its deadline.
    pub request: Duration,
    /// The time limit for a request that is on its way to arrive once its connection is to close.
    pub last_request: Duration,
    /// The time limit of a last response without progress. The system takes megabytes at once and reports progress in
    /// steps of as much, so a slow reader needs some seconds between them.
    pub linger: Duration,
    /// Whether the connections count in the metrics: those of the operators' own port do not.
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
