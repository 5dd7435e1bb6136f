//! Permits for deliveries in progress, limited per webhook and per organisation. Slow receivers
//! thus do not block other deliveries.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    id::{DeliveryId, OrgId, WebhookId},
    records::deliveries::model::{Delivery, Outcome},
};

/// The maximum number of deliveries in progress to the webhooks of one organisation.
const PER_ORGANISATION: usize = 32;
/// The maximum number of deliveries in progress to one webhook.
const PER_WEBHOOK: usize = 16;
/// The maximum for a webhook whose last attempt timed out.
const PER_SLOW_WEBHOOK: usize = 1;

/// Issues permits. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Permits(Arc<Mutex<UnderWay>>);

#[derive(Debug, Default)]
struct UnderWay {
    deliveries: HashSet<Key>,
    slow: HashSet<WebhookId>,
}

/// The organisation, webhook and id of a delivery.
type Key = (OrgId, WebhookId, DeliveryId);

/// A delivery in progress, until this is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    permits: Permits,
    key: Key,
    outcome: Option<Outcome>,
}

impl Permits {
    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether a delivery is in progress.
    pub(super) fn has(&self, delivery: &Delivery) -> bool {
        self.under_way().deliveries.contains(&key(delivery))
    }

    /// Returns a permit for a delivery, unless it is already in progress or a limit is reached.
    pub(super) fn try_acquire(&self, delivery: &Delivery) -> Option<Permit> {
        let Delivery { org, webhook_id, .. } = delivery;
        let mut under_way = self.under_way();
        let count = |counts: &dyn Fn(&Key) -> bool| {
            under_way.deliveries.iter().filter(|key| counts(key)).count()
        };
        let is_slow = under_way.slow.contains(webhook_id);
        let most = if is_slow { PER_SLOW_WEBHOOK } else { PER_WEBHOOK };
        if count(&|(to, ..)| to == org) >= PER_ORGANISATION
            || count(&|(_, to, _)| to == webhook_id) >= most
        {
            return None;
        }
        let key = key(delivery);
        let permit = || Permit { permits: self.clone(), key: key.clone(), outcome: None };
        under_way.deliveries.insert(key.clone()).then(permit)
    }
}

fn key(Delivery { org, webhook_id, id, .. }: &Delivery) -> Key {
    (org.clone(), webhook_id.clone(), id.clone())
}

impl Permit {
    /// Returns the outcome of the attempt, if there was one. A method, so that a block that moves
    /// the permit captures all of it.
    pub(super) fn outcome(&mut self) -> &mut Option<Outcome> {
        &mut self.outcome
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut under_way = self.permits.under_way();
        under_way.deliveries.remove(&self.key);
        match self.outcome {
            None => {}
            Some(Outcome::TimedOut) => {
                under_way.slow.insert(self.key.1.clone());
            }
            Some(_) => {
                under_way.slow.remove(&self.key.1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::events::EventType;

    fn delivery(org: &str, webhook: &WebhookId, number: usize) -> Delivery {
        let (org, id, payload) = (org.parse().unwrap(), number.to_string(), "{}".to_owned());
        let event_type = EventType::AppointmentBooked;
        Delivery::new(org, webhook.clone(), id, event_type, Timestamp::UNIX_EPOCH, payload)
    }

    fn fill(permits: &Permits, org: &str, webhook: &WebhookId) -> Vec<Permit> {
        let deliveries = (0..200).map(|number| delivery(org, webhook, number));
        deliveries.filter_map(|delivery| permits.try_acquire(&delivery)).collect()
    }

    fn end(mut under_way: Vec<Permit>, outcome: Option<Outcome>) {
        for permit in &mut under_way {
            *permit.outcome() = outcome;
        }
    }

    #[test]
    fn permits_are_limited_per_webhook_and_organisation() {
        let permits = Permits::default();
        let webhooks = [(); 4].map(|()| WebhookId::random());
        let filled = webhooks.each_ref().map(|webhook| fill(&permits, "ORG-A", webhook));
        assert_eq!(filled.each_ref().map(Vec::len), [16, 16, 0, 0]);
        let other = WebhookId::random();
        let filled_other = fill(&permits, "ORG-B", &other);
        assert_eq!(filled_other.len(), 16);
        drop(filled_other);
        assert!(!permits.has(&delivery("ORG-B", &other, 0)));
        let once = permits.try_acquire(&delivery("ORG-B", &other, 0));
        assert!(permits.has(&delivery("ORG-B", &other, 0)));
        let twice = permits.try_acquire(&delivery("ORG-B", &other, 0));
        assert!(once.is_some() && twice.is_none(), "a delivery has one attempt at a time");
    }

    #[test]
    fn a_webhook_that_timed_out_has_one_permit_until_it_responds() {
        let permits = Permits::default();
        let webhook = WebhookId::random();
        end(fill(&permits, "ORG-A", &webhook), Some(Outcome::TimedOut));
        let one = fill(&permits, "ORG-A", &webhook);
        assert_eq!(one.len(), 1);
        end(one, None);
        let one = fill(&permits, "ORG-A", &webhook);
        assert_eq!(one.len(), 1, "without an attempt nothing changes");
        end(one, Some(Outcome::Refused));
        assert_eq!(fill(&permits, "ORG-A", &webhook).len(), 16);
    }
}
