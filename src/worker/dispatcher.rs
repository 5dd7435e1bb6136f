//! Sends deliveries that are due. Any number of workers may: whoever claims a delivery first tries it, and a worker that dies
//! in the middle leaves it to be tried again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use opentelemetry::{
    KeyValue,
    trace::{SpanBuilder, SpanKind},
};
use tokio::{
    select,
    sync::Semaphore,
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{attempt::Attempts, metrics, permits::Permits, sender::Sender};
use crate::{
    keyring::SealingKeys,
    records::{
        dead_letters,
        deliveries::{self, model::Delivery},
    },
    store::{Entity, Store, StoreError, errors::chain, keys::DUE_PARTS, read::Position},
    telemetry,
    time::Clock,
};

const CONCURRENCY: usize = 128;
/// How many pages of one part are searched for a delivery with a permit, before it waits: at most some 60 RCU a part.
const PAGES: u8 = 5;
/// How often the age of the earliest dead letter is measured.
const DEAD_LETTER_CHECK: Duration = Duration::from_mins(1);

/// How far the rounds through the parts of what is due are; none at their beginning.
type Positions = [Option<Position>; DUE_PARTS as usize];

/// Sends deliveries.
pub struct Dispatcher {
    attempts: Arc<Attempts>,
    /// The pause before the next read of what is due.
    poll: Duration,
    permits: Permits,
    concurrency: Arc<Semaphore>,
    /// Whether the database has refused something since what is due was read.
    refused: Arc<AtomicBool>,
    tasks: TaskTracker,
}

impl Dispatcher {
    /// Sends what is due in a table; `keys` open the webhooks' secrets.
    pub fn new(
        store: Store,
        keys: SealingKeys,
        sender: Sender,
        clock: Arc<dyn Clock>,
        poll: Duration,
    ) -> Self {
        Self {
            attempts: Arc::new(Attempts { store, keys, sender, clock }),
            poll,
            permits: Permits::default(),
            concurrency: Arc::new(Semaphore::new(CONCURRENCY)),
            refused: Arc::default(),
            tasks: TaskTracker::new(),
        }
    }

    /// Sends until `stop`, and then ends what is under way.
    pub async fn run(&self, stop: CancellationToken) {
        let mut positions = Positions::default();
        let mut checked: Option<Instant> = None;
        while !stop.is_cancelled() {
            if checked.is_none_or(|checked| checked.elapsed() >= DEAD_LETTER_CHECK) {
                checked = Some(Instant::now());
                self.measure_dead_letters().await;
            }
            let begun = match self.begin_due(&mut positions, &stop).await {
                Ok(begun) => begun,
                Err(error) => {
                    tracing::warn!(
                        error.message = chain(&error),
                        "reading the deliveries that are due failed; retrying"
                    );
                    0
                }
            };
            if begun == 0 || self.refused.swap(false, Ordering::Relaxed) {
                select! {
                    () = stop.cancelled() => {}
                    () = sleep(self.poll) => {}
                }
            }
        }
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn measure_dead_letters(&self) {
        let Attempts { store, clock, .. } = &*self.attempts;
        match dead_letters::repo::earliest(store).await {
            Ok(earliest) => {
                let age = earliest.map(|earliest| clock.now().duration_since(earliest));
                let age = age.and_then(|age| age.try_into().ok()).unwrap_or_default();
                metrics::oldest_dead_letter(age);
            }
            Err(error) => {
                tracing::warn!(error.message = chain(&error), "dead letters can't be read");
            }
        }
    }

    /// Begins what is due, as far as there are permits, and returns how much. It goes on at its position, and at the beginning
    /// once it is through: deliveries without a permit, as those to a receiver that hangs, are read once a round and hide no
    /// others. What became due just now is begun in each round, however much waits before it.
    async fn begin_due(
        &self,
        positions: &mut Positions,
        stop: &CancellationToken,
    ) -> Result<usize, StoreError> {
        let Attempts { store, clock, .. } = &*self.attempts;
        let mut begun = 0;
        for (part, position) in (0..).zip(positions) {
            for _ in 0..PAGES {
                let due = deliveries::repo::due(store, part, clock.now(), position.take(), false);
                let due = due.await?;
                *position = due.next;
                let in_page = self.begin_all(due.items, stop).await;
                begun += in_page;
                if position.is_none() || in_page > 0 {
                    break;
                }
            }
            if position.is_some() {
                let latest = deliveries::repo::due(store, part, clock.now(), None, true).await?;
                begun += self.begin_all(latest.items, stop).await;
            }
        }
        Ok(begun)
    }

    /// Begins those that get a permit, and returns how many.
    async fn begin_all(
        &self,
        due: Vec<Result<Entity<Delivery>, StoreError>>,
        stop: &CancellationToken,
    ) -> usize {
        let mut begun = 0;
        for delivery in due {
            let delivery = match delivery {
                Ok(delivery) => delivery,
                Err(error) => {
                    tracing::error!(error.message = chain(&error), "a delivery can't be read");
                    continue;
                }
            };
            let Some(mut permit) = self.permits.try_acquire(&delivery.value) else {
                continue;
            };
            let running = select! {
                () = stop.cancelled() => return begun,
                running = self.concurrency.clone().acquire_owned() => running,
            };
            let Ok(running) = running else {
                return begun;
            };
            begun += 1;
            let (attempts, refused) = (self.attempts.clone(), self.refused.clone());
            self.tasks.spawn(async move {
                let _running = running;
                let attempt = attempts.attempt(&delivery, permit.outcome());
                let attempt = telemetry::in_span(|| span(&delivery.value), attempt);
                if let Err(error) = Box::pin(attempt).await {
                    let (id, cause) = (&delivery.value.id, chain(&error));
                    tracing::warn!(delivery.id = %id, error.message = cause, "an attempt was not made, or its outcome not stored");
                    refused.store(true, Ordering::Relaxed);
                }
            });
        }
        begun
    }
}

fn span(delivery: &Delivery) -> SpanBuilder {
    let event_type = KeyValue::new("cloudevents.event_type", delivery.event_type.to_string());
    SpanBuilder::from_name("deliver event")
        .with_kind(SpanKind::Producer)
        .with_attributes([event_type])
}
