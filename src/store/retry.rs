//! Retries. After conflicts with other writes, retries are limited by time. After missing responses
//! and throttling, they are limited by a retry budget, which successful calls refill. An overloaded
//! database thus does not get more calls than usual.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use aws_sdk_dynamodb::config::retry::{RetryPartition, TokenBucket};
use tokio::time::{Instant, sleep};

const FIRST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_millis(250);
/// The time during which one step of a request may retry. The request also has a deadline.
pub const BUDGET: Duration = Duration::from_secs(10);
/// The maximum number of attempts in that time. Random pauses lead to about 80; this is the upper
/// bound.
pub const MAX_TRIES: u8 = 100;

/// The initial number of retries, before responses have earned any.
const RESERVE: u16 = 25;
/// The number of responses that earn one retry: at most a fifth of many calls are retries.
const RESPONSES_PER_RETRY: u16 = 5;

/// The retry budget of the service. Clones share it.
#[derive(Debug, Clone)]
pub struct RetryBudget(Arc<AtomicU32>);

impl Default for RetryBudget {
    fn default() -> Self {
        Self(Arc::new(AtomicU32::new(Self::FULL)))
    }
}

impl RetryBudget {
    /// Measured in responses.
    const FULL: u32 = RESERVE as u32 * Self::PRICE;
    const PRICE: u32 = RESPONSES_PER_RETRY as u32;

    /// Records a response: DynamoDB executed the request, or refused its content.
    pub fn earn(&self) {
        let more = |left: u32| (left < Self::FULL).then_some(left + 1);
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    /// Takes a retry from the budget. Returns `false` if there is none left.
    pub fn spend(&self) -> bool {
        let less = |left: u32| left.checked_sub(Self::PRICE);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

/// Returns the retry budget of the SDK, for reads. (The SDK's default is four times as large, and
/// shared by the whole process.)
pub(super) fn budget_of_sdk() -> RetryPartition {
    let price = RESPONSES_PER_RETRY.into();
    let bucket = TokenBucket::builder()
        .capacity(usize::from(RESERVE) * usize::from(RESPONSES_PER_RETRY))
        .retry_cost(price)
        .timeout_retry_cost(price)
        .throttling_retry_cost(price);
    RetryPartition::custom("clinic-api").token_bucket(bucket.build()).build()
}

/// Exponential backoff with jitter until the time is over (AWS Architecture Blog, "Exponential
/// Backoff And Jitter").
#[derive(Debug)]
pub struct Backoff {
    ends: Instant,
    ceiling: Duration,
    tries_left: u8,
}

impl Backoff {
    /// Creates pauses that end within `budget`.
    pub(super) fn new(budget: Duration) -> Self {
        Self { ends: Instant::now() + budget, ceiling: FIRST, tries_left: MAX_TRIES - 1 }
    }

    /// Waits before the next attempt. Returns `false` if the time is over; then give up.
    pub async fn pause(&mut self) -> bool {
        let pause = self.ceiling.mul_f64(rand::random::<f64>());
        if self.tries_left == 0 || Instant::now() + pause >= self.ends {
            return false;
        }
        self.tries_left -= 1;
        sleep(pause).await;
        self.ceiling = (self.ceiling * 2).min(LONGEST);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn attempts_are_bounded_in_time_and_number() {
        for _ in 0..100 {
            let (began, mut backoff, mut tries) = (Instant::now(), Backoff::new(BUDGET), 1);
            while backoff.pause().await {
                tries += 1;
            }
            // The runtime's timers have a resolution of one millisecond.
            assert!(began.elapsed() <= BUDGET + Duration::from_millis(1));
            assert!((20..=u32::from(MAX_TRIES)).contains(&tries), "{tries}");
        }
        // The limit holds even with the shortest pauses.
        let mut backoff = Backoff { ceiling: Duration::ZERO, ..Backoff::new(BUDGET) };
        let mut pauses = 0;
        while backoff.pause().await {
            pauses += 1;
        }
        assert_eq!(pauses, u32::from(MAX_TRIES) - 1);
    }

    #[test]
    fn retries_are_a_fifth_of_the_responses_beyond_the_reserve() {
        let budget = RetryBudget::default();
        let take_all = || (0..1_000).take_while(|_| budget.spend()).count();
        assert_eq!(take_all(), usize::from(RESERVE));
        for (answers, earned) in [(4, 0), (1, 1), (50, 10), (100_000, usize::from(RESERVE))] {
            (0..answers).for_each(|_| budget.earn());
            assert_eq!(take_all(), earned, "{answers}");
        }
    }
}
