//! Trying again: after others got in between, inside a budget of time; after DynamoDB did not answer or refused for its rate,
//! inside a budget of repeats, which answers fill, so that it is not asked more the worse it is.

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
/// How long one step of a request may go on trying; a request has a deadline of its own besides.
pub const BUDGET: Duration = Duration::from_secs(10);
/// How often it may try in that time. Random pauses make it some 80 times; with this, that is bounded.
pub const MAX_TRIES: u8 = 100;

/// How many repeats there may be before answers have paid for any.
const RESERVE: u16 = 25;
/// How many answers pay for one repeat: of many calls, repeats are at most a fifth.
const ANSWERS_PER_REPEAT: u16 = 5;

/// What the service itself may repeat. Clones share it.
#[derive(Debug, Clone)]
pub struct RetryBudget(Arc<AtomicU32>);

impl Default for RetryBudget {
    fn default() -> Self {
        Self(Arc::new(AtomicU32::new(Self::FULL)))
    }
}

impl RetryBudget {
    /// Counted in answers.
    const FULL: u32 = RESERVE as u32 * Self::PRICE;
    const PRICE: u32 = ANSWERS_PER_REPEAT as u32;

    /// DynamoDB did what it was asked, or refused it for its contents.
    pub fn earn(&self) {
        let more = |left: u32| (left < Self::FULL).then_some(left + 1);
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    /// Takes a repeat out; `false` means that there must be none now.
    pub fn spend(&self) -> bool {
        let less = |left: u32| left.checked_sub(Self::PRICE);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

/// The same of what the SDK repeats: reads. (Its own default is four times as much, and shared by all of a process.)
pub(super) fn budget_of_sdk() -> RetryPartition {
    let price = ANSWERS_PER_REPEAT.into();
    let bucket = TokenBucket::builder()
        .capacity(usize::from(RESERVE) * usize::from(ANSWERS_PER_REPEAT))
        .retry_cost(price)
        .timeout_retry_cost(price)
        .throttling_retry_cost(price);
    RetryPartition::custom("clinic-api").token_bucket(bucket.build()).build()
}

/// The pauses between tries until the budget is spent (AWS Architecture Blog, "Exponential Backoff And Jitter").
#[derive(Debug)]
pub struct Backoff {
    ends: Instant,
    ceiling: Duration,
    tries_left: u8,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { ends: Instant::now() + BUDGET, ceiling: FIRST, tries_left: MAX_TRIES - 1 }
    }
}

impl Backoff {
    /// Waits before the next try; `false` means that the budget is spent and nothing should be tried.
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
    async fn tries_are_bounded_in_time_and_in_number() {
        for _ in 0..100 {
            let (began, mut backoff, mut tries) = (Instant::now(), Backoff::default(), 1);
            while backoff.pause().await {
                tries += 1;
            }
            // The runtime's timers count whole milliseconds.
            assert!(began.elapsed() <= BUDGET + Duration::from_millis(1));
            assert!((20..=u32::from(MAX_TRIES)).contains(&tries), "{tries}");
        }
        // However short the pauses.
        let mut backoff = Backoff { ceiling: Duration::ZERO, ..Backoff::default() };
        let mut pauses = 0;
        while backoff.pause().await {
            pauses += 1;
        }
        assert_eq!(pauses, u32::from(MAX_TRIES) - 1);
    }

    #[test]
    fn repeats_are_a_fifth_of_what_is_answered_beyond_the_reserve() {
        let budget = RetryBudget::default();
        let take_all = || (0..1_000).take_while(|_| budget.spend()).count();
        assert_eq!(take_all(), usize::from(RESERVE));
        for (answers, earned) in [(4, 0), (1, 1), (50, 10), (100_000, usize::from(RESERVE))] {
            (0..answers).for_each(|_| budget.earn());
            assert_eq!(take_all(), earned, "{answers}");
        }
    }
}
