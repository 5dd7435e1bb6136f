//! The time budget for the work of one organisation. It ends when its time is over, or with the
//! first write that the database refuses for now.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, timeout_at};

use super::lanes::Lane;
use crate::{id::OrgId, store::StoreError};

/// The time that one organisation gets per batch in each phase but the first.
pub(super) const OF_BATCH: Duration = Duration::from_secs(1);
/// How long an organisation that has spent its budget gets no new one. During that time, all of its
/// work is deferred at once, so it takes little time from others.
const SPENT: Duration = Duration::from_secs(10);

/// The budgets of all organisations in one phase of the batches. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Budgets {
    length: Duration,
    spent: Arc<Mutex<HashMap<OrgId, Instant>>>,
}

impl Budgets {
    /// Creates budgets of this length.
    pub(super) fn new(length: Duration) -> Self {
        Self { length, spent: Arc::default() }
    }

    fn spent(&self) -> MutexGuard<'_, HashMap<OrgId, Instant>> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the budget of an organisation.
    pub(super) fn of(&self, org: &OrgId) -> Budget {
        let mut spent = self.spent();
        spent.retain(|_, since| since.elapsed() < SPENT);
        Budget::to_end(if spent.contains_key(org) { Duration::ZERO } else { self.length })
    }

    /// Records that an organisation's budget did not suffice.
    pub(super) fn note_spent(&self, org: &OrgId) {
        self.spent().entry(org.clone()).or_insert_with(Instant::now);
    }
}

/// The time budget of one organisation.
#[derive(Debug, Default)]
pub(super) struct Budget {
    lane: Lane,
    /// The instant after which no more work starts.
    ends: Option<Instant>,
    /// Whether work in progress is cancelled at that instant.
    cuts: bool,
}

impl Budget {
    /// Starts a budget that lets started work finish. Without that, long work would be repeated
    /// again and again.
    pub(super) fn to_begin(length: Duration) -> Self {
        Self { ends: Some(Instant::now() + length), ..Self::default() }
    }

    /// Starts a budget that cancels work in progress at its end, because others wait for it.
    fn to_end(length: Duration) -> Self {
        Self { cuts: true, ..Self::to_begin(length) }
    }

    /// Returns whether the database has refused a write.
    pub(super) fn is_refused(&self) -> bool {
        self.lane.is_refused()
    }

    /// Returns whether the time is over.
    pub(super) fn is_over(&self) -> bool {
        self.ends.is_some_and(|ends| Instant::now() >= ends)
    }

    /// Runs a part of the work, or returns `None` once the budget is spent. Cancelled work may have
    /// been done, so repeating it must change nothing.
    pub(super) async fn run<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<Option<T>, StoreError> {
        if self.is_over() {
            return Ok(None);
        }
        let work = self.lane.run(work);
        let outcome = match self.ends.filter(|_| self.cuts) {
            Some(ends) => timeout_at(ends, work).await.ok(),
            None => Some(work.await),
        };
        match outcome {
            Some(Err(refused)) if refused.is_transient() => Ok(None),
            Some(outcome) => outcome.map(Some),
            None => Ok(None),
        }
    }
}
