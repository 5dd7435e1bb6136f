//! Pauses between tries.

use std::time::Duration;

use tokio::time::sleep;

const MAX: Duration = Duration::from_secs(10);

/// Pauses that double up to [`MAX`], each multiplied by 0.75 to 1.25.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
    left: u32,
}

impl Backoff {
    /// So many pauses, beginning with `first`.
    pub(super) fn new(first: Duration, pauses: u32) -> Self {
        Self { next: first, left: pauses }
    }

    /// Waits before the next try; `false` means that no pauses are left and nothing should be tried.
    pub(super) async fn pause(&mut self) -> bool {
        if self.left == 0 {
            return false;
        }
        sleep(self.next.mul_f64(rand::random_range(0.75..1.25))).await;
        (self.next, self.left) = ((self.next * 2).min(MAX), self.left - 1);
        true
    }
}
