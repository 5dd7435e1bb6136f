//! When each task of the worker last completed a pass.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use super::metrics;

/// The task that reads the stream.
pub const STREAM: &str = "stream";
/// The task that sends deliveries.
pub const DELIVERIES: &str = "deliveries";

/// The time without a completed pass after which a worker is not live. An outage of the table is usually shorter, and a
/// restart does not help in one.
const MAX_AGE: SignedDuration = SignedDuration::from_mins(10);

/// The time of the last completed pass of each task. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Heartbeats(Arc<Mutex<BTreeMap<&'static str, Timestamp>>>);

impl Heartbeats {
    /// Records that a task starts, or has completed a pass.
    pub fn beat(&self, task: &'static str, now: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(task, now);
        metrics::pass_completed(task, now);
    }

    /// Returns whether each task has completed a pass within the last 10 minutes. True without a task.
    pub fn are_recent(&self, now: Timestamp) -> bool {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.values().all(|last| now.duration_since(*last) < MAX_AGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_live_while_each_task_completes_passes() {
        let heartbeats = Heartbeats::default();
        let at = |minutes: i64| Timestamp::from_second(minutes * 60).unwrap();
        assert!(heartbeats.are_recent(at(0)));
        heartbeats.beat(STREAM, at(0));
        heartbeats.beat(DELIVERIES, at(5));
        assert!(heartbeats.clone().are_recent(at(9)));
        assert!(!heartbeats.are_recent(at(10)));
        heartbeats.beat(STREAM, at(10));
        assert!(heartbeats.are_recent(at(14)) && !heartbeats.are_recent(at(15)));
    }
}
