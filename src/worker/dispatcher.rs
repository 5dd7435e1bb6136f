//! Sends deliveries that are due, and remembers what came of each. Any number of workers may: whoever claims a delivery
//! first tries it, and who dies while trying leaves it to be tried again.

mod attempt;
mod room;

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

use self::room::{AT_ONCE, Room};
use super::{metrics, sender::Sender};
use crate::{
    dead_letters,
    deliveries::{self, model::Delivery},
    http::cursor::CursorKeys,
    store::{Entity, Store, StoreError, errors::chain, keys::DUE_PARTS, read::Position},
    telemetry,
    time::Clock,
};

/// How many pages of one part are looked through for one that may be begun, before it waits: at most some 60 RCU a part.
const PAGES: u8 = 5;
/// How often it is looked how long the earliest dead letter waits.
const LOOK_AT_DEAD_LETTERS: Duration = Duration::from_mins(1);

/// Where the rounds through the parts of what is due are; nowhere at their beginning.
type Places = [Option<Position>; DUE_PARTS as usize];

/// Sends deliveries.
#[derive(Clone)]
pub struct Dispatcher(Arc<Shared>);

struct Shared {
    store: Store,
    keys: CursorKeys,
    sender: Sender,
    clock: Arc<dyn Clock>,
    /// How often it is asked what is due.
    poll: Duration,
    places: Arc<Semaphore>,
    room: Room,
    /// Whether the database has refused something since it was asked what is due.
    refused: AtomicBool,
    tasks: TaskTracker,
}

impl Dispatcher {
    /// Sends what is due in a table; `keys` open the webhooks' secrets.
    #[must_use]
    pub fn new(
        store: Store,
        keys: CursorKeys,
        sender: Sender,
        clock: Arc<dyn Clock>,
        poll: Duration,
    ) -> Self {
        Self(Arc::new(Shared {
            store,
            keys,
            sender,
            clock,
            poll,
            places: Arc::new(Semaphore::new(AT_ONCE)),
            room: Room::default(),
            refused: AtomicBool::new(false),
            tasks: TaskTracker::new(),
        }))
    }

    /// Sends until it is told to stop, and then ends what is under way.
    pub async fn run(&self, stop: CancellationToken) {
        let mut places = Places::default();
        let mut looked: Option<Instant> = None;
        while !stop.is_cancelled() {
            if looked.is_none_or(|looked| looked.elapsed() >= LOOK_AT_DEAD_LETTERS) {
                looked = Some(Instant::now());
                self.look_at_dead_letters().await;
            }
            let begun = match self.begin_due(&mut places, &stop).await {
                Ok(begun) => begun,
                Err(error) => {
                    tracing::warn!(
                        error.message = chain(&error),
                        "deliveries that are due can't be read"
                    );
                    0
                }
            };
            if begun == 0 || self.0.refused.swap(false, Ordering::Relaxed) {
                select! {
                    () = stop.cancelled() => {}
                    () = sleep(self.0.poll) => {}
                }
            }
        }
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    /// Tells how long the earliest dead letter waits for somebody to have a look.
    async fn look_at_dead_letters(&self) {
        match dead_letters::repo::earliest(&self.0.store).await {
            Ok(earliest) => {
                let age = earliest.map(|earliest| self.0.clock.now().duration_since(earliest));
                let age = age.and_then(|age| age.try_into().ok()).unwrap_or_default();
                metrics::dead_letters_wait(age);
            }
            Err(error) => {
                tracing::warn!(error.message = chain(&error), "dead letters can't be looked at");
            }
        }
    }

    /// Begins what is due, as far as there is room; how much it was. It goes on where it was, and from the beginning once it
    /// is through: what has no room, as what goes to a receiver that hangs, is read once a round and hides nothing. What
    /// became due just now is begun in each round, however much waits before it.
    async fn begin_due(
        &self,
        places: &mut Places,
        stop: &CancellationToken,
    ) -> Result<usize, StoreError> {
        let mut begun = 0;
        for (part, place) in (0..).zip(places) {
            for _ in 0..PAGES {
                let now = self.0.clock.now();
                let due = deliveries::repo::due(&self.0.store, part, now, place.take()).await?;
                *place = due.next;
                let in_page = self.begin_all(due.items, stop).await;
                begun += in_page;
                if place.is_none() || in_page > 0 {
                    break;
                }
            }
            if place.is_some() {
                let now = self.0.clock.now();
                let latest = deliveries::repo::due_latest(&self.0.store, part, now).await?;
                begun += self.begin_all(latest, stop).await;
            }
        }
        Ok(begun)
    }

    /// Begins those for which there is room; how many.
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
            if !self.0.room.has_room(&delivery.value) {
                continue;
            }
            let place = select! {
                () = stop.cancelled() => return begun,
                place = self.0.places.clone().acquire_owned() => place,
            };
            let Ok(place) = place else {
                return begun;
            };
            if !self.0.room.enter(&delivery.value) {
                continue;
            }
            begun += 1;
            let shared = self.0.clone();
            self.0.tasks.spawn(async move {
                let _place = place;
                let mut outcome = None;
                let attempt = shared.attempt(&delivery, &mut outcome);
                let attempt = telemetry::in_span(|| span(&delivery.value), attempt);
                if let Err(error) = Box::pin(attempt).await {
                    let (id, cause) = (&delivery.value.id, chain(&error));
                    tracing::warn!(delivery.id = %id, error.message = cause, "an attempt was not made or not remembered");
                    shared.refused.store(true, Ordering::Relaxed);
                }
                shared.room.leave(&delivery.value, outcome);
            });
        }
        begun
    }
}

fn span(delivery: &Delivery) -> SpanBuilder {
    let event_type = KeyValue::new("cloudevents.event_type", delivery.event_type.clone());
    SpanBuilder::from_name("deliver event")
        .with_kind(SpanKind::Producer)
        .with_attributes([event_type])
}
