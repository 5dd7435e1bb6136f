//! Readiness: asks the table seldom, and does not give up at the first failure. Replicas that all leave at once
//! because the table did not answer one time would make an outage of a hiccup.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use crate::{
    error::{ApiError, ErrorCode},
    http::{
        lifecycle::{Lifecycle, Phase},
        metrics,
    },
    store::{Store, StoreError, errors::chain},
};

/// For how long an answer of the table is good.
const FRESH: SignedDuration = SignedDuration::from_secs(1);
/// How long the table may take: less than who asks for our readiness waits.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How many failures in a row count.
const MISSES: u32 = 3;

/// What is known of the table.
#[derive(Debug, Default)]
pub struct Readiness(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    asked_at: Option<Timestamp>,
    has_answered: bool,
    misses: u32,
}

impl Known {
    fn is_fresh(&self, now: Timestamp) -> bool {
        // A clock that was set back makes nothing fresh.
        self.asked_at
            .is_some_and(|at| (SignedDuration::ZERO..FRESH).contains(&now.duration_since(at)))
    }

    fn learn(&mut self, now: Timestamp, answered: bool) {
        self.asked_at = Some(now);
        self.has_answered |= answered;
        self.misses = if answered { 0 } else { self.misses.saturating_add(1) };
    }

    fn is_ready(&self) -> bool {
        self.has_answered && self.misses < MISSES
    }
}

impl Readiness {
    /// Whether the process takes requests: 503 `stopping` once it was told to stop, 503 `store_unreachable` while the table
    /// can't be read.
    pub async fn check(
        &self,
        store: &Store,
        lifecycle: &Lifecycle,
        clock: impl Fn() -> Timestamp,
    ) -> Result<(), ApiError> {
        serving(lifecycle)?;
        // Who asks meanwhile waits here for the answer, rather than ask the table as well.
        let mut known = self.0.lock().await;
        if !known.is_fresh(clock()) {
            let answered = ask(store).await;
            known.learn(clock(), answered);
        }
        if known.is_ready() {
            serving(lifecycle)?;
            metrics::ready(true);
            return Ok(());
        }
        metrics::ready(false);
        let unread = "the table could not be read at the last attempts";
        Err(StoreError::Unreachable(unread.into()).into())
    }
}

fn serving(lifecycle: &Lifecycle) -> Result<(), ApiError> {
    if lifecycle.phase() == Phase::Serving {
        return Ok(());
    }
    metrics::ready(false);
    let detail = "The process was told to stop. Another one takes the requests.";
    Err(ApiError::new(ErrorCode::Stopping, detail).retry_later())
}

async fn ask(store: &Store) -> bool {
    match store.ping(TIMEOUT).await {
        Ok(()) => true,
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
    fn an_answer_is_good_for_a_second() {
        let at = |millis| Timestamp::from_millisecond(millis).unwrap();
        let mut known = Known::default();
        assert!(!known.is_fresh(at(0)));
        known.learn(at(5_000), true);
        assert!(known.is_fresh(at(5_000)) && known.is_fresh(at(5_999)));
        assert!(!known.is_fresh(at(6_000)) && !known.is_fresh(at(4_999)));
    }
}
