//! Runs work by organisation: several organisations concurrently, with a limit for each. After a
//! temporary refusal by the database, the organisation's other work is skipped.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
};

use futures_util::{StreamExt as _, stream};

use crate::{
    id::OrgId,
    store::{StoreError, throttling::ThrottlingReason},
};

/// The maximum number of organisations served concurrently.
const ORGANISATIONS: usize = 16;
/// The maximum concurrency per organisation.
const PER_ORGANISATION: usize = 16;

/// The work of one organisation.
#[derive(Debug, Default)]
pub(super) struct Lane {
    refused: AtomicBool,
}

impl Lane {
    /// Returns whether the database has refused a part of the work for now.
    pub(super) fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    /// Runs a part of the work, unless the database has refused another part for now.
    pub(super) async fn run<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        if self.is_refused() {
            return Err(StoreError::Throttled(ThrottlingReason::Other));
        }
        let outcome = work.await;
        if outcome.as_ref().is_err_and(StoreError::is_transient) {
            self.refused.store(true, Ordering::Relaxed);
        }
        outcome
    }
}

/// Groups items by organisation and keeps their order.
pub(super) fn by_organisation<T>(
    items: impl IntoIterator<Item = (OrgId, T)>,
) -> HashMap<OrgId, Vec<T>> {
    let mut grouped: HashMap<OrgId, Vec<T>> = HashMap::new();
    for (org, item) in items {
        grouped.entry(org).or_default().push(item);
    }
    grouped
}

/// Runs the work of one organisation. Returns the outcomes in order.
pub(super) async fn in_lane<Work: Future>(work: Vec<Work>) -> Vec<Work::Output> {
    stream::iter(work).buffered(PER_ORGANISATION).collect().await
}

/// Runs the work of all organisations. Returns the outcomes in any order.
pub(super) async fn in_lanes<T, Lane>(lanes: Vec<Lane>) -> Vec<T>
where
    Lane: Future<Output = Vec<T>>,
{
    let outcomes = stream::iter(lanes).buffer_unordered(ORGANISATIONS);
    outcomes.collect::<Vec<_>>().await.into_iter().flatten().collect()
}
