//! The age of the oldest work in a worker's partitions.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

/// The time of the oldest work in each of a worker's partitions. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Oldest {
    parts: Arc<Mutex<BTreeMap<u16, Timestamp>>>,
    /// Sets the metric.
    show: fn(Duration),
}

impl Oldest {
    /// Creates an empty record whose age `show` receives after each change.
    pub(super) fn new(show: fn(Duration)) -> Self {
        Self { parts: Arc::default(), show }
    }

    /// Sets the time of a partition's oldest work. `None` if it has none, or is no longer this worker's.
    pub(super) fn set(&self, part: u16, oldest: Option<Timestamp>, now: Timestamp) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        match oldest {
            Some(oldest) => parts.insert(part, oldest),
            None => parts.remove(&part),
        };
        let age = parts.values().min().map(|oldest| now.duration_since(*oldest));
        (self.show)(age.and_then(|age| age.try_into().ok()).unwrap_or_default());
    }
}
