//! Trying again after others got in between: full jitter, inside a budget of time.

use std::time::Duration;

use tokio::time::{Instant, sleep};

const FIRST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_millis(250);
/// How long one step of a request may go on trying; a request has a deadline of its own besides.
pub const BUDGET: Duration = Duration::from_secs(10);

/// The pauses between tries, doubling and jittered, until the budget is spent
/// (AWS Architecture Blog, "Exponential Backoff And Jitter").
#[derive(Debug)]
pub struct Backoff {
    ends: Instant,
    ceiling: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { ends: Instant::now() + BUDGET, ceiling: FIRST }
    }
}

impl Backoff {
    /// Waits before the next try; `false` means that the budget is spent and nothing should be tried.
    pub async fn pause(&mut self) -> bool {
        let pause = self.ceiling.mul_f64(rand::random::<f64>());
        if Instant::now() + pause >= self.ends {
            return false;
        }
        sleep(pause).await;
        self.ceiling = (self.ceiling * 2).min(LONGEST);
        true
    }
}
