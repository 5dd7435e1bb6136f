//! The readiness check: the table can be read, and the issuer's keys are known.
//!
//! It reads the table at most once a second, and a second time if the first read fails. Each read includes the SDK's retries, so
//! that one slow response of the table does not remove all replicas from the load balancer. A replica that lost the table
//! fails the first check after that: it fails requests faster than others serve them, and would attract more of them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use crate::{
    error::{ApiError, ErrorCode},
    http::{
        auth::token::Authenticator,
        lifecycle::{Lifecycle, Phase},
        metrics,
    },
    store::{Store, StoreError, errors::chain, format},
};

/// How long a result is reused.
const FRESH: SignedDuration = SignedDuration::from_secs(1);
/// The timeout of a read. Two reads take less time than the timeout of those who call the check.
const TIMEOUT: Duration = Duration::from_millis(1800);

/// The latest result of the check.
#[derive(Debug, Default)]
pub struct Readiness(Mutex<Latest>);

#[derive(Debug, Default)]
struct Latest {
    checked_at: Option<Timestamp>,
    is_readable: bool,
}

impl Latest {
    fn is_fresh(&self, now: Timestamp) -> bool {
        // A clock that was set back must not keep an old result valid.
        self.checked_at
            .is_some_and(|at| (SignedDuration::ZERO..FRESH).contains(&now.duration_since(at)))
    }
}

impl Readiness {
    /// Checks that the process accepts requests. Fails with 503: `stopping` during shutdown,
    /// `store_unreachable` if the table can't be read, `identity_unavailable` until the issuer's
    /// keys were obtained once.
    pub async fn check(
        &self,
        store: &Store,
        authenticator: &Authenticator,
        lifecycle: &Lifecycle,
        now: impl Fn() -> Timestamp,
    ) -> Result<(), ApiError> {
        let checked = async {
            serving(lifecycle)?;
            if !self.is_readable(store, &now).await {
                let cause = "the last reads of the table failed";
                return Err(StoreError::Unreachable(cause.into()).into());
            }
            if !authenticator.is_ready(now()).await {
                let detail = "The keys of the token issuer could not be obtained since the start. Retry after the time in Retry-After.";
                return Err(ApiError::new(ErrorCode::IdentityUnavailable, detail).retry_later());
            }
            serving(lifecycle)
        };
        let checked = checked.await;
        metrics::ready(checked.is_ok());
        checked
    }

    async fn is_readable(&self, store: &Store, now: impl Fn() -> Timestamp) -> bool {
        // Concurrent callers wait here for one read instead of reading the table as well.
        let mut latest = self.0.lock().await;
        if !latest.is_fresh(now()) {
            let is_readable = read_table(store).await || read_table(store).await;
            *latest = Latest { checked_at: Some(now()), is_readable };
        }
        latest.is_readable
    }
}

fn serving(lifecycle: &Lifecycle) -> Result<(), ApiError> {
    if lifecycle.phase() == Phase::Serving {
        return Ok(());
    }
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
        assert!(!Latest::default().is_fresh(at(0)));
        let latest = Latest { checked_at: Some(at(5_000)), is_readable: true };
        assert!(latest.is_fresh(at(5_000)) && latest.is_fresh(at(5_999)));
        assert!(!latest.is_fresh(at(6_000)) && !latest.is_fresh(at(4_999)));
    }
}
