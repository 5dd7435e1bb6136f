//! The age of the oldest unprocessed change. Each shard reader reports the time up to which its
//! shard is processed. Shards that are not listed yet count as well: nothing counts as processed
//! after the last listing of the shards.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

/// The time up to which each shard is processed. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress(Arc<Mutex<Shards>>);

#[derive(Debug, Default)]
struct Shards {
    done: HashMap<String, Timestamp>,
    described: Option<Timestamp>,
    has_read: bool,
}

impl Progress {
    fn shards(&self) -> MutexGuard<'_, Shards> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a listing of the shards. Shards that are no longer listed do not count.
    pub(super) fn described(&self, is_listed: impl Fn(&str) -> bool, now: Timestamp) {
        let mut shards = self.shards();
        shards.done.retain(|shard, _| is_listed(shard));
        shards.described = Some(now);
    }

    /// Records that a shard is read from now on. It counts as processed up to `now` until something
    /// is read.
    pub(super) fn begin(&self, shard: &str, now: Timestamp) {
        self.shards().done.entry(shard.to_owned()).or_insert(now);
    }

    /// Records that a read of a shard succeeded.
    pub(super) fn read(&self) {
        self.shards().has_read = true;
    }

    /// Returns whether a read of any shard has succeeded.
    pub(super) fn has_read(&self) -> bool {
        self.shards().has_read
    }

    /// Records that all changes of a shard up to this instant are processed.
    pub(super) fn done(&self, shard: &str, up_to: Timestamp) {
        self.shards().done.insert(shard.to_owned(), up_to);
    }

    pub(super) fn end(&self, shard: &str) {
        self.shards().done.remove(shard);
    }

    /// Returns the age of the oldest change that may be unprocessed, in the shard that lags most.
    pub(super) fn age(&self, now: Timestamp) -> Duration {
        let shards = self.shards();
        let up_to = shards.done.values().chain(&shards.described).min();
        let behind = up_to.map(|up_to| now.duration_since(*up_to));
        behind.and_then(|behind| behind.try_into().ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shard_that_lags_most_determines_the_age() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let progress = Progress::default();
        assert_eq!(progress.age(at(100)), Duration::ZERO);
        progress.begin("a", at(100));
        progress.begin("b", at(100));
        assert_eq!(progress.age(at(103)), Duration::from_secs(3), "nothing was read yet");
        progress.done("a", at(103));
        progress.done("b", at(40));
        progress.begin("b", at(104));
        assert_eq!(progress.age(at(110)), Duration::from_secs(70));
        progress.end("b");
        assert_eq!(progress.age(at(110)), Duration::from_secs(7));
        assert_eq!(progress.age(at(50)), Duration::ZERO, "clocks differ");
        progress.begin("b", at(60));
        progress.described(|shard| shard == "a", at(108));
        assert_eq!(progress.age(at(110)), Duration::from_secs(7), "b is gone");
        progress.end("a");
        assert_eq!(
            progress.age(at(118)),
            Duration::from_secs(10),
            "shards may have been added since"
        );
    }
}
