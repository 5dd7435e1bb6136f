//! When each task of the worker last completed a pass.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::Instant;

use super::metrics;

/// The task that reads the stream.
pub const STREAM: &str = "stream";
/// The task that sends deliveries.
pub const DELIVERIES: &str = "deliveries";

/// The time without a completed pass after which a worker is not live. An outage of the table is usually shorter, and a
/// restart does not help in one.
const MAX_AGE: Duration = Duration::from_mins(10);

/// The time of the last completed pass of each task. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Heartbeats(Arc<Mutex<BTreeMap<&'static str, Instant>>>);

impl Heartbeats {
    /// Records that a task starts, or has completed a pass. Only the metric depends on the clock,
    /// which may be set back.
    pub fn beat(&self, task: &'static str, now: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(task, Instant::now());
        metrics::pass_completed(task, now);
    }

    /// Returns whether each task has completed a pass within the last 10 minutes. True without a task.
    pub fn are_recent(&self) -> bool {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.values().all(|last| last.elapsed() < MAX_AGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_worker_is_live_while_each_task_completes_passes() {
        let heartbeats = Heartbeats::default();
        let pass = async |minutes| tokio::time::advance(Duration::from_mins(minutes)).await;
        assert!(heartbeats.are_recent());
        heartbeats.beat(STREAM, Timestamp::UNIX_EPOCH);
        pass(5).await;
        heartbeats.beat(DELIVERIES, Timestamp::UNIX_EPOCH);
        pass(4).await;
        assert!(heartbeats.clone().are_recent());
        pass(1).await;
        assert!(!heartbeats.are_recent());
        heartbeats.beat(STREAM, Timestamp::UNIX_EPOCH);
        pass(4).await;
        assert!(heartbeats.are_recent());
        pass(1).await;
        assert!(!heartbeats.are_recent());
    }
}
