//! Processes the deferred work of one partition. Organisations take turns, and each one's oldest
//! work comes first. An organisation whose writes the database refuses pauses for a while.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    select,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    accesses::{self, Accesses},
    budget::Budget,
    fan_out::{FanOut, context},
    lanes::in_lane,
    oldest::Oldest,
};
use crate::{
    id::OrgId,
    records::deferred::{
        model::{DeferredAccesses, DeferredEvent},
        repo::{self, Deferred},
    },
    store::{Entity, Store, StoreError, errors::chain, read::PageRequest},
    time::Clock,
};

/// The maximum number of items and the maximum duration of an organisation's turn.
const TURN: u16 = 25;
const BUDGET: Duration = Duration::from_secs(5);
/// The first and the longest pause of an organisation after a refusal. Each pause is twice as long
/// as the previous one.
const REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(30);
/// The pause after a round without work, in poll intervals.
const IDLE: f64 = 4.0;

/// One partition of the deferred work.
pub(super) struct DeferredPart {
    pub(super) store: Store,
    pub(super) accesses: Accesses,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) part: u16,
    pub(super) poll: Duration,
    pub(super) oldest: Oldest,
    /// The organisations that pause.
    pub(super) resting: HashMap<OrgId, Rest>,
}

/// The pause of an organisation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rest {
    until: Instant,
    length: Duration,
}

impl Rest {
    /// Returns the next pause, after one that did not help, or the first one.
    fn after(before: Option<Self>) -> Self {
        let length = before.map_or(REST, |rest| (rest.length * 2).min(LONGEST_REST));
        Self { until: Instant::now() + length, length }
    }
}

/// The result of a round.
#[derive(Debug, Default)]
struct Done {
    /// The number of processed items.
    items: usize,
    /// The time of the oldest item.
    oldest: Option<Timestamp>,
}

impl DeferredPart {
    /// Processes work until `stop`.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        loop {
            let done = match stop.run_until_cancelled(self.round()).await {
                None => break,
                Some(Ok(done)) => done,
                Some(Err(error)) => {
                    tracing::warn!(
                        error.message = chain(&error),
                        "reading deferred work failed; retrying"
                    );
                    continue_after(&stop, self.poll).await;
                    continue;
                }
            };
            self.oldest.set(self.part, done.oldest, self.clock.now());
            let polls = match done {
                Done { items: 1.., .. } => 0.0,
                Done { oldest: Some(_), .. } => 1.0,
                Done { .. } => IDLE,
            };
            let pause = self.poll.mul_f64(polls * rand::random_range(0.75..1.0));
            continue_after(&stop, pause).await;
        }
        self.oldest.set(self.part, None, self.clock.now());
    }

    /// Gives each organisation a turn.
    async fn round(&mut self) -> Result<Done, StoreError> {
        let mut round = Done::default();
        let mut resting = HashMap::new();
        let mut next = repo::next_org(&self.store, self.part, None).await?;
        while let Some((org, oldest)) = next {
            round.oldest = round.oldest.into_iter().chain([oldest]).min();
            let before = self.resting.get(&org).copied();
            let rest = if before.is_some_and(|rest| Instant::now() < rest.until) {
                before
            } else {
                let (items, is_held_up) = self.turn(&org).await;
                round.items += items;
                is_held_up.then(|| Rest::after(before.filter(|_| items == 0)))
            };
            next = repo::next_org(&self.store, self.part, Some(&org)).await?;
            resting.extend(rest.map(|rest| (org, rest)));
        }
        self.resting = resting;
        Ok(round)
    }

    /// Processes the oldest items of an organisation, and more if none of them succeeds. Returns
    /// the number of processed items, and whether the organisation should pause because the
    /// database refused a write or everything failed.
    async fn turn(&self, org: &OrgId) -> (usize, bool) {
        let budget = Budget::to_begin(BUDGET);
        let fan_out = FanOut::new(&self.store, org, &budget);
        let (mut items, mut failures, mut after) = (0, Vec::new(), None);
        loop {
            let page = PageRequest { after, limit: TURN, consistent: true };
            let listed = match repo::page(&self.store, org, page).await {
                Ok(listed) => listed,
                Err(error) => {
                    failures.push(error);
                    break;
                }
            };
            let work = listed.items.into_iter().map(async |deferred| match deferred? {
                Deferred::Event(event) => self.deliver(&fan_out, event).await,
                Deferred::Accesses(accesses) => self.log(&budget, accesses).await,
            });
            for outcome in in_lane(work.collect()).await {
                match outcome {
                    Ok(done) => items += usize::from(done),
                    Err(error) => failures.push(error),
                }
            }
            after = listed.next;
            if items > 0 || budget.is_refused() || budget.is_over() || after.is_none() {
                break;
            }
        }
        if let Some(first) = failures.first() {
            tracing::warn!(
                error.message = chain(first),
                deferred.failed = failures.len(),
                "deferred work failed; retrying later"
            );
        }
        (items, budget.is_refused() || items == 0 && !failures.is_empty())
    }

    /// Stores the deliveries of a deferred event, and removes it once all are stored. Returns
    /// `false` if some are left.
    async fn deliver(
        &self,
        fan_out: &FanOut<'_>,
        deferred: Entity<DeferredEvent>,
    ) -> Result<bool, StoreError> {
        let context = context(&deferred.value);
        match fan_out.deliver(deferred.value.clone()).await? {
            None => {
                repo::remove(&self.store, &context, &deferred).await?;
                Ok(true)
            }
            Some(left) => {
                if left != deferred.value {
                    repo::replace(&self.store, &context, &deferred, left).await?;
                }
                Ok(false)
            }
        }
    }

    /// Writes the accesses of a deferred request, and removes it once all are written. Returns
    /// `false` if some are left.
    async fn log(
        &self,
        budget: &Budget,
        deferred: Entity<DeferredAccesses>,
    ) -> Result<bool, StoreError> {
        let DeferredAccesses { org, request, .. } = &deferred.value;
        let adding = Box::pin(self.accesses.add_of_request(org, request));
        match budget.run(adding).await {
            Ok(Some(_)) => {}
            Ok(None) => return Ok(false),
            Err(StoreError::NotFound) => tracing::error!(
                deferred.request = request,
                "the access request no longer exists: its accesses are lost"
            ),
            Err(other) => return Err(other),
        }
        repo::remove(&self.store, &accesses::context(&deferred.value), &deferred).await?;
        Ok(true)
    }
}

async fn continue_after(stop: &CancellationToken, pause: Duration) {
    select! {
        () = stop.cancelled() => {}
        () = sleep(pause) => {}
    }
}
