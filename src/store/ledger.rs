//! The DynamoDB calls of one request: their duration, number and consumed capacity.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use opentelemetry::Context;
use tokio::time::Instant;

use super::answer::Kind;

/// The calls of one request. The ledger travels in the OpenTelemetry context of the request. Clones
/// share it.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Arc<Mutex<Entries>>);

#[derive(Debug, Default)]
struct Entries {
    under_way: u32,
    /// Since when at least one call has been in progress.
    since: Option<Instant>,
    sum: Sum,
}

/// The totals of the calls.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sum {
    /// The number of calls. Retries do not count.
    pub calls: u32,
    /// How long at least one call was in progress.
    pub time: Duration,
    /// Capacity units consumed by reads.
    pub read_units: f64,
    /// Capacity units consumed by writes.
    pub write_units: f64,
}

impl Ledger {
    /// Returns the ledger of the current request, if it has one.
    pub(super) fn current() -> Option<Self> {
        Context::map_current(|context| context.get::<Self>().cloned())
    }

    /// Records a call. It is in progress until the entry is dropped.
    pub(super) fn enter(self) -> Entry {
        let mut entries = self.entries();
        entries.sum.calls += 1;
        entries.under_way += 1;
        entries.since.get_or_insert_with(Instant::now);
        drop(entries);
        Entry(self)
    }

    /// Returns the totals of the completed calls.
    pub fn sum(&self) -> Sum {
        self.entries().sum
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call in progress.
#[derive(Debug)]
pub(super) struct Entry(Ledger);

impl Entry {
    pub(super) fn consumed(&self, kind: Kind, units: f64) {
        let sum = &mut self.0.entries().sum;
        match kind {
            Kind::Read => sum.read_units += units,
            Kind::Write => sum.write_units += units,
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut entries = self.0.entries();
        entries.under_way -= 1;
        if entries.under_way == 0 {
            let busy = entries.since.take().map(|since| since.elapsed());
            entries.sum.time += busy.unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn time_in_which_calls_overlap_counts_once() {
        let ledger = Ledger::default();
        let wait = async |millis| tokio::time::sleep(Duration::from_millis(millis)).await;
        let first = ledger.clone().enter();
        wait(10).await;
        let second = ledger.clone().enter();
        wait(5).await;
        drop(first);
        second.consumed(Kind::Read, 1.5);
        wait(20).await;
        drop(second);
        wait(100).await;
        let third = ledger.clone().enter();
        third.consumed(Kind::Write, 4.0);
        wait(7).await;
        drop(third);
        let time = Duration::from_millis(42);
        assert_eq!(ledger.sum(), Sum { calls: 3, time, read_units: 1.5, write_units: 4.0 });
    }
}
