//! The partitions of the work and their assignment to workers. A partition belongs to the live
//! worker with the highest hash of worker and partition (rendezvous hashing). A worker that joins
//! or leaves thus moves only its own share.

use std::collections::{BTreeSet, HashSet};

use sha2::{Digest as _, Sha256};

use crate::store::keys::{DEFERRED_PARTS, DUE_PARTS};

/// A partition of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Partition {
    /// A partition of the due deliveries.
    Due(u16),
    /// A partition of the deferred work.
    Deferred(u16),
}

impl Partition {
    fn all() -> impl Iterator<Item = Self> {
        (0..DUE_PARTS).map(Self::Due).chain((0..DEFERRED_PARTS).map(Self::Deferred))
    }

    /// Returns the worker that owns the partition.
    fn owner(self, workers: &BTreeSet<String>) -> Option<&str> {
        let score = |worker: &&String| Sha256::digest(format!("{worker}#{self:?}"));
        workers.iter().max_by_key(score).map(String::as_str)
    }
}

/// Returns the partitions that `worker` processes, given the live workers `now` and at the last
/// check (`before`). If another live worker owned a partition before, this worker waits until the
/// other one has seen the change as well.
pub(super) fn partitions_of(
    worker: &str,
    before: &BTreeSet<String>,
    now: &BTreeSet<String>,
) -> HashSet<Partition> {
    let is_free = |partition: &Partition| match partition.owner(before) {
        Some(had) => had == worker || !now.contains(had),
        None => true,
    };
    let own = Partition::all().filter(|partition| partition.owner(now) == Some(worker));
    own.filter(is_free).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workers<const NUMBER: usize>(names: [&str; NUMBER]) -> BTreeSet<String> {
        names.map(str::to_owned).into()
    }

    #[test]
    fn every_partition_has_one_worker_and_a_change_moves_the_least() {
        let (two, three) = (workers(["a", "b"]), workers(["a", "b", "c"]));
        let of = |worker: &str, live: &BTreeSet<String>| partitions_of(worker, live, live);
        assert_eq!(of("a", &workers(["a"])).len(), Partition::all().count());
        for live in [&two, &three] {
            let shares: Vec<_> = live.iter().map(|worker| of(worker, live)).collect();
            let all: HashSet<_> = shares.iter().flatten().copied().collect();
            assert_eq!(all.len(), Partition::all().count());
            assert_eq!(shares.iter().map(HashSet::len).sum::<usize>(), all.len(), "one each");
            assert!(shares.iter().all(|share| share.len() >= 15), "{shares:?}");
        }
        for worker in ["a", "b"] {
            assert!(of(worker, &three).is_subset(&of(worker, &two)), "others exchange nothing");
        }
    }

    #[test]
    fn a_partition_of_a_live_worker_waits_and_one_of_a_dead_worker_does_not() {
        let (one, two) = (workers(["a"]), workers(["a", "b"]));
        let share = partitions_of("b", &two, &two);
        assert!(partitions_of("b", &one, &two).is_empty(), "a has not seen b yet");
        assert_eq!(partitions_of("a", &one, &two).len() + share.len(), Partition::all().count());
        assert_eq!(partitions_of("a", &two, &one).len(), Partition::all().count(), "b is gone");
    }
}
