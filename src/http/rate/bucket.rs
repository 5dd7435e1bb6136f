//! One rate limit: a token bucket per key, refilled evenly, with the capacity of one minute.

use std::{
    hash::Hash,
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DashMapStateStore,
};

/// The number of requests after which full buckets are removed.
const SWEEP_AFTER: u32 = 16 * 1024;

/// The buckets of one limit.
pub struct Buckets<K: Hash + Eq + Clone> {
    of: &'static str,
    quota: NonZeroU32,
    limiter: RateLimiter<K, DashMapStateStore<K>, DefaultClock, StateInformationMiddleware>,
    charged: AtomicU32,
}

/// The state of a key's bucket.
#[derive(Debug, Clone, Copy)]
pub struct Left {
    /// The name of the limit.
    pub of: &'static str,
    /// The limit, in requests per minute.
    pub quota: u32,
    /// The requests left in the bucket.
    pub remaining: u32,
    /// Seconds until the bucket is full.
    pub full_in: u64,
    /// Seconds until a retry can succeed, if this request exceeds the limit.
    pub wait: Option<u64>,
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    /// Creates full buckets of `quota` requests per minute.
    pub fn new(of: &'static str, quota: NonZeroU32) -> Self {
        let limiter = RateLimiter::dashmap(Quota::per_minute(quota)).with_middleware();
        Self { of, quota, limiter, charged: AtomicU32::new(0) }
    }

    /// Takes one token from a key's bucket, if it has one.
    pub fn charge(&self, key: &K) -> Left {
        if self.charged.fetch_add(1, Ordering::Relaxed) % SWEEP_AFTER == SWEEP_AFTER - 1 {
            self.limiter.retain_recent();
        }
        let quota = self.quota.get();
        let (remaining, wait) = match self.limiter.check_key(key) {
            Ok(state) => (state.remaining_burst_capacity(), None),
            Err(not_until) => {
                let wait = not_until.wait_time_from(DefaultClock::default().now());
                (0, Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)))
            }
        };
        let missing = u64::from(quota.saturating_sub(remaining));
        Left {
            of: self.of,
            quota,
            remaining,
            full_in: (missing * 60).div_ceil(u64::from(quota)),
            wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_for_its_own_key() {
        let buckets = Buckets::new("principal", NonZeroU32::new(3).unwrap());
        let left = [(); 4].map(|()| buckets.charge(&"a"));
        assert_eq!(left.map(|left| left.remaining), [2, 1, 0, 0]);
        assert_eq!(left.map(|left| left.full_in), [20, 40, 60, 60]);
        assert_eq!(left.map(|left| left.wait.is_some()), [false, false, false, true]);
        assert!(left[3].wait.is_some_and(|wait| (1..=20).contains(&wait)), "{left:?}");
        assert_eq!(buckets.charge(&"b").remaining, 2);
    }
}
