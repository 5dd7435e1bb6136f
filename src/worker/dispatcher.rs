//! Sends deliveries that are due, and remembers what came of each. Any number of workers may: whoever claims a delivery
//! first tries it, and who dies while trying leaves it to be tried again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::{
    select,
    sync::Semaphore,
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    metrics,
    sender::{Message, Sender},
};
use crate::{
    deliveries::{
        self,
        model::{Attempt, Delivery, Outcome},
    },
    http::cursor::CursorKeys,
    id::{DeliveryId, OrgId, WebhookId, random_token},
    store::{
        Entity, Precondition, Store, StoreError, WriteContext, errors::chain, keys::DUE_PARTS,
        read::Position,
    },
    time::Clock,
    webhooks::{
        self,
        model::{
            Webhook,
            signature::{secret_purpose, sign},
        },
    },
};

/// Who writes what is written here.
const SUBJECT: &str = "system:worker";
/// How many deliveries are tried at once.
const AT_ONCE: usize = 128;
/// How many of those may go to one webhook: one that hangs does not hold up the others.
const AT_ONCE_TO_ONE: usize = 16;
/// How many pages of one part are looked through for one that may be begun, before it waits: at most some 60 RCU a part.
const PAGES: u8 = 5;
/// For how long nobody else tries what is being tried: longer than an attempt takes.
const CLAIMED: SignedDuration = SignedDuration::from_secs(60);
/// How long nothing has to reach a webhook until it is switched off.
pub const SWITCHED_OFF_AFTER: SignedDuration = SignedDuration::from_hours(5 * 24);

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
    under_way: Mutex<HashMap<WebhookId, Vec<DeliveryId>>>,
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
            under_way: Mutex::default(),
            tasks: TaskTracker::new(),
        }))
    }

    /// Sends until it is told to stop, and then ends what is under way.
    pub async fn run(&self, stop: CancellationToken) {
        let mut places = Places::default();
        while !stop.is_cancelled() {
            let begun = match self.begin_due(&mut places, &stop).await {
                Ok(begun) => begun,
                Err(error) => {
                    tracing::warn!(cause = chain(&error), "deliveries that are due can't be read");
                    0
                }
            };
            if begun == 0 {
                select! {
                    () = stop.cancelled() => {}
                    () = sleep(self.0.poll) => {}
                }
            }
        }
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    /// Begins what is due, as far as there is room; how much it was. It goes on where it was, and from the beginning once it
    /// is through: what has no room, as what goes to a receiver that hangs, is read once a round and hides nothing.
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
                    tracing::error!(cause = chain(&error), "a delivery can't be read");
                    continue;
                }
            };
            if !self.0.has_room(&delivery.value) {
                continue;
            }
            let place = select! {
                () = stop.cancelled() => return begun,
                place = self.0.places.clone().acquire_owned() => place,
            };
            let Ok(place) = place else {
                return begun;
            };
            if !self.0.enter(&delivery.value) {
                continue;
            }
            begun += 1;
            let shared = self.0.clone();
            self.0.tasks.spawn(async move {
                let _place = place;
                let (webhook, id) = (delivery.value.webhook_id.clone(), delivery.value.id.clone());
                if let Err(error) = shared.attempt(delivery).await {
                    tracing::warn!(delivery = %id, cause = chain(&error), "an attempt was not remembered");
                }
                shared.leave(&webhook, &id);
            });
        }
        begun
    }
}

impl Shared {
    fn under_way(&self) -> std::sync::MutexGuard<'_, HashMap<WebhookId, Vec<DeliveryId>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a delivery may be begun.
    fn has_room(&self, delivery: &Delivery) -> bool {
        self.under_way().get(&delivery.webhook_id).is_none_or(|under_way| {
            under_way.len() < AT_ONCE_TO_ONE && !under_way.contains(&delivery.id)
        })
    }

    /// Begins a delivery, if it may be.
    fn enter(&self, delivery: &Delivery) -> bool {
        let room = self.has_room(delivery);
        if room {
            let mut under_way = self.under_way();
            under_way.entry(delivery.webhook_id.clone()).or_default().push(delivery.id.clone());
        }
        room
    }

    fn leave(&self, webhook: &WebhookId, id: &DeliveryId) {
        let mut under_way = self.under_way();
        if let Some(of_webhook) = under_way.get_mut(webhook) {
            of_webhook.retain(|other| other != id);
            if of_webhook.is_empty() {
                under_way.remove(webhook);
            }
        }
    }

    fn context(&self, org: &OrgId) -> WriteContext {
        WriteContext {
            org: org.clone(),
            subject: SUBJECT.to_owned(),
            request_id: random_token(),
            now: self.clock.now(),
            precondition: Precondition::None,
            idempotency: None,
        }
    }

    /// Tries a delivery once, unless somebody else does.
    async fn attempt(&self, due: Entity<Delivery>) -> Result<(), StoreError> {
        let org = due.value.org.clone();
        let now = self.clock.now();
        let until = now.saturating_add(CLAIMED).unwrap_or(now);
        let claimed = due.value.claimed(until);
        let context = self.context(&org);
        let claimed = deliveries::repo::replace(&self.store, &context, &due, claimed).await?;
        let Some(claimed) = claimed else {
            return Ok(());
        };
        let webhook = webhooks::repo::get(&self.store, &org, &due.value.webhook_id, true).await;
        let webhook = match webhook {
            Ok(webhook) => Some(webhook.value),
            Err(StoreError::NotFound) => None,
            Err(other) => return Err(other),
        };
        let begun = Instant::now();
        let (outcome, response_status) = match webhook.as_ref().filter(|webhook| webhook.active) {
            Some(webhook) => self.send(webhook, &claimed.value, now).await,
            None => (Outcome::SwitchedOff, None),
        };
        let took = begun.elapsed();
        metrics::delivery(outcome, took);
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let attempt = Attempt { at: now, duration_ms, outcome, response_status };
        let after = claimed.value.after(attempt, self.clock.now(), rand::random());
        let context = self.context(&org);
        deliveries::repo::replace(&self.store, &context, &claimed, after).await?;
        match webhook {
            Some(webhook) => self.note_health(&context, &webhook, outcome).await,
            None => Ok(()),
        }
    }

    async fn send(
        &self,
        webhook: &Webhook,
        delivery: &Delivery,
        at: Timestamp,
    ) -> (Outcome, Option<u16>) {
        let purpose = secret_purpose(&webhook.id);
        let secrets =
            webhook.secrets(at).filter_map(|sealed| self.keys.open_bytes(&sealed.0, &purpose));
        let secrets: Vec<_> = secrets.collect();
        if secrets.is_empty() {
            tracing::error!(webhook = %webhook.id, "no cursor key opens the webhook's secret");
            return (Outcome::Unsigned, None);
        }
        let (id, payload) = (delivery.event_id.as_str(), delivery.payload.as_str());
        let signature = sign(secrets.iter().map(Vec::as_slice), id, at, payload);
        let message = Message { url: &webhook.url, id, at, signature: &signature, payload };
        self.sender.send(&message).await
    }

    /// Remembers whether a webhook can be reached, and switches it off once it could not be for long.
    async fn note_health(
        &self,
        context: &WriteContext,
        webhook: &Webhook,
        outcome: Outcome,
    ) -> Result<(), StoreError> {
        let now = context.now;
        let next = |current: &Webhook| current.after(outcome.into(), now, SWITCHED_OFF_AFTER);
        if next(webhook) == *webhook {
            return Ok(());
        }
        let modify = |current: &Webhook| Ok::<_, StoreError>(next(current));
        match webhooks::repo::update(&self.store, context, &webhook.id, modify).await {
            Ok(noted) => {
                if webhook.active && !noted.value.active {
                    tracing::warn!(webhook = %webhook.id, "a webhook was switched off");
                    metrics::disabled();
                }
                Ok(())
            }
            // It was deleted meanwhile.
            Err(StoreError::NotFound) => Ok(()),
            Err(other) => Err(other),
        }
    }
}

impl From<Outcome> for webhooks::model::Reached {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Delivered => Self::Yes,
            Outcome::Gone => Self::NeverAgain,
            Outcome::SwitchedOff | Outcome::Unsigned => Self::NotTried,
            Outcome::Refused | Outcome::TimedOut | Outcome::Unreachable | Outcome::Forbidden => {
                Self::No
            }
        }
    }
}
