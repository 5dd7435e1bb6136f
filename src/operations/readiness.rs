//! The readiness check. It reads the table at most once a second and tolerates single failures.
//! Otherwise one slow response of the table would remove all replicas from the load balancer.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use crate::{
    error::{ApiError, ErrorCode},
    http::{
        lifecycle::{Lifecycle, Phase},
        metrics,
    },
    store::{Store, StoreError, errors::chain, format},
};

/// How long a result is reused.
const FRESH: SignedDuration = SignedDuration::from_secs(1);
/// The timeout of the read. It is shorter than the timeout of those who call the check.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The number of consecutive failures that make the process unready.
const MAX_FAILURES: u32 = 3;

/// The latest results of the check.
#[derive(Debug, Default)]
pub struct Readiness(Mutex<History>);

#[derive(Debug, Default)]
struct History {
    checked_at: Option<Timestamp>,
    has_succeeded: bool,
    failures: u32,
}

impl History {
    fn is_fresh(&self, now: Timestamp) -> bool {
        // A clock that was set back must not keep an old result valid.
        self.checked_at
            .is_some_and(|at| (SignedDuration::ZERO..FRESH).contains(&now.duration_since(at)))
    }

    fn record(&mut self, now: Timestamp, succeeded: bool) {
        self.checked_at = Some(now);
        self.has_succeeded |= succeeded;
        self.failures = if succeeded { 0 } else { self.failures.saturating_add(1) };
    }

    fn is_ready(&self) -> bool {
        self.has_succeeded && self.failures < MAX_FAILURES
    }
}

impl Readiness {
    /// Checks that the process accepts requests. Fails with 503 `stopping` during shutdown and with
    /// 503 `store_unreachable` while the table can't be read.
    pub async fn check(
        &self,
        store: &Store,
        lifecycle: &Lifecycle,
        clock: impl Fn() -> Timestamp,
    ) -> Result<(), ApiError> {
        serving(lifecycle)?;
        // Concurrent callers wait here for one read instead of reading the table as well.
        let mut history = self.0.lock().await;
        if !history.is_fresh(clock()) {
            let succeeded = read_table(store).await;
            history.record(clock(), succeeded);
        }
        if history.is_ready() {
            serving(lifecycle)?;
            metrics::ready(true);
            return Ok(());
        }
        metrics::ready(false);
        let cause = "the last reads of the table failed";
        Err(StoreError::Unreachable(cause.into()).into())
    }
}

fn serving(lifecycle: &Lifecycle) -> Result<(), ApiError> {
    if lifecycle.phase() == Phase::Serving {
        return Ok(());
    }
    metrics::ready(false);
    let detail = "The process is shutting down. Another replica serves the requests.";
    Err(ApiError::new(ErrorCode::Stopping, detail).retry_later())
}

async fn read_table(store: &Store) -> bool {
    match store.ping(TIMEOUT).await {
        Ok(found) => match format::check(found) {
            Ok(()) => true,
            Err(other) => {
                tracing::error!(error.message = chain(&other), "the table can't be used");
                false
            }
        },
        Err(error) => {
            tracing::warn!(error.message = chain(&error), "the table can't be read");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_reused_for_a_second() {
        let at = |millis| Timestamp::from_millisecond(millis).unwrap();
        let mut history = History::default();
        assert!(!history.is_fresh(at(0)));
        history.record(at(5_000), true);
        assert!(history.is_fresh(at(5_000)) && history.is_fresh(at(5_999)));
        assert!(!history.is_fresh(at(6_000)) && !history.is_fresh(at(4_999)));
    }
}
