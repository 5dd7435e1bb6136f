//! Starts the due deliveries of one partition.

use std::{sync::Arc, time::Duration};

use opentelemetry::{
    KeyValue,
    trace::{SpanBuilder, SpanKind},
};
use tokio::{
    select,
    sync::{Notify, Semaphore},
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    attempt::Attempts,
    heartbeats::{DELIVERIES, Heartbeats},
    metrics,
    oldest::Oldest,
    permits::{Permit, Permits},
    recent::Recent,
};
use crate::{
    records::deliveries::{self, model::Delivery},
    store::{Entity, StoreError, errors::chain, read::Position},
    telemetry,
};

/// The maximum number of deliveries in progress.
const CONCURRENCY: usize = 128;
/// The maximum number of pages that are searched for a delivery with a free permit, about 60 RCU at
/// most.
const PAGES: u8 = 5;
/// The minimum pause between two reads while more deliveries are due than there are permits.
const SHORT: Duration = Duration::from_millis(50);
/// The pause after a read that found nothing to start, in poll intervals.
const IDLE: f64 = 2.0;

/// The state that all partitions of a worker share.
#[derive(Clone)]
pub(super) struct Sending {
    pub(super) attempts: Arc<Attempts>,
    permits: Permits,
    recent: Recent,
    concurrency: Arc<Semaphore>,
    tasks: TaskTracker,
    poll: Duration,
    oldest: Oldest,
    pub(super) heartbeats: Heartbeats,
}

impl Sending {
    pub(super) fn new(attempts: Attempts, poll: Duration, heartbeats: Heartbeats) -> Self {
        Self {
            attempts: Arc::new(attempts),
            permits: Permits::default(),
            recent: Recent::default(),
            concurrency: Arc::new(Semaphore::new(CONCURRENCY)),
            tasks: TaskTracker::new(),
            poll,
            oldest: Oldest::new(metrics::oldest_due),
            heartbeats,
        }
    }

    /// Waits until no delivery is in progress.
    pub(super) async fn end(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Claims a delivery and attempts it once. After a claim, notifies `ended` once the permit is
    /// free again.
    async fn try_once(&self, delivery: &Entity<Delivery>, mut permit: Permit, ended: &Notify) {
        let claim_and_try = async {
            let claimed = self.attempts.claim(delivery).await?;
            self.recent.note(delivery);
            let Some(claimed) = claimed else { return Ok(()) };
            let outcome = self.attempts.attempt(&claimed, permit.outcome()).await;
            drop(permit);
            ended.notify_one();
            outcome
        };
        let tried = telemetry::in_span(|| span(&delivery.value), Box::pin(claim_and_try)).await;
        if let Err(error) = tried {
            let (id, cause) = (&delivery.value.id, chain(&error));
            tracing::warn!(delivery.id = %id, error.message = cause, "a delivery was not attempted, or the outcome was not stored");
        }
    }
}

/// One partition of the due deliveries.
pub(super) struct DuePart {
    sending: Sending,
    part: u16,
    /// The position of the current round through the due deliveries. `None` at its start.
    position: Option<Position>,
    /// Notified when a claimed delivery of this partition has ended and its permit is free.
    ended: Arc<Notify>,
}

/// The result of a read.
#[derive(Debug, Default)]
struct Found {
    /// The number of started deliveries.
    begun: usize,
    /// Whether due deliveries are left, without a free permit or on a later page.
    more: bool,
}

impl DuePart {
    pub(super) fn new(sending: Sending, part: u16) -> Self {
        Self { sending, part, position: None, ended: Arc::default() }
    }

    /// Starts due deliveries until `stop`. Only the end of a claimed delivery triggers a read
    /// before the next poll.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        self.begin_until(stop).await;
        self.sending.oldest.set(self.part, None, self.sending.attempts.clock.now());
    }

    async fn begin_until(&mut self, stop: CancellationToken) {
        loop {
            let found = match stop.run_until_cancelled(self.begin_due()).await {
                None => return,
                Some(Ok(found)) => {
                    let now = self.sending.attempts.clock.now();
                    self.sending.heartbeats.beat(DELIVERIES, now);
                    found
                }
                Some(Err(error)) => {
                    tracing::warn!(
                        error.message = chain(&error),
                        "reading due deliveries failed; retrying"
                    );
                    Found::default()
                }
            };
            let polls = if found.begun == 0 && !found.more { IDLE } else { 1.0 };
            let pause = self.sending.poll.mul_f64(polls * rand::random_range(0.75..1.0));
            let sooner = async {
                self.ended.notified().await;
                sleep(SHORT).await;
            };
            select! {
                () = stop.cancelled() => return,
                () = sleep(pause) => {}
                () = sooner, if found.more => {}
            }
        }
    }

    /// Starts due deliveries as far as permits allow. It continues at the stored position and
    /// starts over at the end. Deliveries without a permit, such as those to a slow receiver, are
    /// thus read once per round and do not hide others. The most recently due deliveries are also
    /// started in each round, however many wait before them.
    async fn begin_due(&mut self) -> Result<Found, StoreError> {
        let Attempts { store, clock, .. } = &*self.sending.attempts;
        let mut found = Found::default();
        for _ in 0..PAGES {
            let after = self.position.take();
            let is_first = after.is_none();
            let due = deliveries::repo::due(store, self.part, clock.now(), after, false).await?;
            if is_first {
                let due_since = |it: &Entity<Delivery>| it.value.next_attempt_at;
                let oldest = due.items.iter().flatten().filter_map(due_since).min();
                self.sending.oldest.set(self.part, oldest, clock.now());
            }
            self.position = due.next;
            self.begin_all(due.items, &mut found);
            if self.position.is_none() || found.begun > 0 {
                break;
            }
        }
        if self.position.is_some() {
            found.more = true;
            let latest = deliveries::repo::due(store, self.part, clock.now(), None, true).await?;
            self.begin_all(latest.items, &mut found);
        }
        Ok(found)
    }

    /// Starts the deliveries that get a permit.
    fn begin_all(&self, due: Vec<Result<Entity<Delivery>, StoreError>>, found: &mut Found) {
        let Sending { permits, recent, concurrency, .. } = &self.sending;
        for delivery in due {
            let delivery = match delivery {
                Ok(delivery) => delivery,
                Err(error) => {
                    tracing::error!(error.message = chain(&error), "a delivery can't be read");
                    continue;
                }
            };
            // A claim is remembered before its permit is released.
            if permits.has(&delivery.value) || recent.has(&delivery) {
                continue;
            }
            let permit = permits.try_acquire(&delivery.value);
            match (permit, concurrency.clone().try_acquire_owned()) {
                (Some(permit), Ok(running)) => {
                    found.begun += 1;
                    let (sending, ended) = (self.sending.clone(), self.ended.clone());
                    self.sending.tasks.spawn(async move {
                        sending.try_once(&delivery, permit, &ended).await;
                        drop(running);
                    });
                }
                _ => found.more = true,
            }
        }
    }
}

fn span(delivery: &Delivery) -> SpanBuilder {
    let event_type = KeyValue::new("cloudevents.event_type", delivery.event_type.to_string());
    SpanBuilder::from_name("deliver event")
        .with_kind(SpanKind::Producer)
        .with_attributes([event_type])
}
