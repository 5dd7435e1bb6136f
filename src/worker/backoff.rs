//! Pauses between retries.

use std::time::Duration;

use tokio::time::sleep;

const MAX: Duration = Duration::from_secs(10);

/// Exponential backoff: pauses that double up to [`MAX`], each multiplied by 0.75 to 1.25.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
    left: u32,
}

impl Backoff {
    /// Creates a backoff with this number of pauses. `first` is the first pause.
    pub(super) fn new(first: Duration, pauses: u32) -> Self {
        Self { next: first, left: pauses }
    }

    /// Waits before the next attempt. Returns `false` if no pauses are left; then give up.
    pub(super) async fn pause(&mut self) -> bool {
        if self.left == 0 {
            return false;
        }
        sleep(self.next.mul_f64(rand::random_range(0.75..1.25))).await;
        (self.next, self.left) = ((self.next * 2).min(MAX), self.left - 1);
        true
    }
}
