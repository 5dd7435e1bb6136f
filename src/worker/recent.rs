//! Recently claimed deliveries, of this worker or another. The index lags and still lists them as
//! due.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    id::{DeliveryId, WebhookId},
    records::deliveries::model::Delivery,
    store::Entity,
};

/// How long a claim is remembered. It exceeds the lag of the index. After that, one claim may fail.
const KEPT: Duration = Duration::from_mins(1);
/// The maximum number of remembered claims. The oldest is dropped first.
const MAX_CLAIMS: usize = 10_000;

type Key = (WebhookId, DeliveryId);

/// Remembers the revision at which deliveries were claimed. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Recent(Arc<Mutex<Claims>>);

#[derive(Debug, Default)]
struct Claims {
    revs: HashMap<Key, u64>,
    order: VecDeque<(Instant, Key, u64)>,
}

impl Recent {
    fn claims(&self) -> MutexGuard<'_, Claims> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that a worker claimed a delivery at its current revision.
    pub(super) fn note(&self, delivery: &Entity<Delivery>) {
        let (key, rev) = (key(&delivery.value), delivery.meta.rev);
        let mut claims = self.claims();
        claims.evict();
        claims.revs.insert(key.clone(), rev);
        claims.order.push_back((Instant::now(), key, rev));
    }

    /// Returns whether the index still shows the delivery as it was before it was claimed.
    pub(super) fn has(&self, delivery: &Entity<Delivery>) -> bool {
        let claimed_at = self.claims().revs.get(&key(&delivery.value)).copied();
        claimed_at.is_some_and(|rev| delivery.meta.rev <= rev)
    }
}

impl Claims {
    /// Removes claims older than [`KEPT`], and the oldest ones above [`MAX_CLAIMS`].
    fn evict(&mut self) {
        while let Some((at, key, rev)) = self.order.front()
            && (self.order.len() >= MAX_CLAIMS || at.elapsed() >= KEPT)
        {
            // The delivery may have been claimed again since.
            if self.revs.get(key) == Some(rev) {
                self.revs.remove(key);
            }
            self.order.pop_front();
        }
    }
}

fn key(delivery: &Delivery) -> Key {
    (delivery.webhook_id.clone(), delivery.id.clone())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{events::EventType, store::WriteContext};

    fn delivery(number: usize) -> Entity<Delivery> {
        let (org, id, payload) = ("ORG-A".parse().unwrap(), number.to_string(), "{}".to_owned());
        let (at, webhook) = (Timestamp::UNIX_EPOCH, WebhookId::random());
        let context = WriteContext::internal("ORG-A".parse().unwrap(), "test", id.clone(), at);
        let event_type = EventType::AppointmentBooked;
        Entity::new(Delivery::new(org, webhook, id, event_type, at, payload), &context)
    }

    #[tokio::test(start_paused = true)]
    async fn a_claim_is_remembered_for_a_while_and_hides_no_later_revision() {
        let (recent, claimed) = (Recent::default(), delivery(0));
        recent.note(&claimed);
        assert!(recent.has(&claimed) && !recent.has(&delivery(1)));
        let mut later = claimed.clone();
        later.meta.rev += 1;
        assert!(!recent.has(&later));
        tokio::time::advance(KEPT).await;
        recent.note(&delivery(2));
        assert!(!recent.has(&claimed));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_remembered_is_bounded() {
        let recent = Recent::default();
        let deliveries: Vec<_> = (0..=MAX_CLAIMS).map(delivery).collect();
        for delivery in &deliveries {
            recent.note(delivery);
        }
        assert_eq!(recent.claims().revs.len(), MAX_CLAIMS);
        assert!(!recent.has(&deliveries[0]) && recent.has(&deliveries[1]));
    }
}
