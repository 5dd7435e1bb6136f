//! Permits for deliveries under way: so many to one webhook, and so many to all of an organisation, so that receivers that hang
//! hold up neither others' deliveries nor each other's.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    id::{DeliveryId, OrgId, WebhookId},
    records::deliveries::model::{Delivery, Outcome},
};

/// The most deliveries under way to the webhooks of one organisation.
const PER_ORGANISATION: usize = 32;
/// The most to one webhook.
const PER_WEBHOOK: usize = 16;
/// The most to one webhook that did not answer in time the last time.
const PER_SLOW_WEBHOOK: usize = 1;

/// Gives out permits. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Permits(Arc<Mutex<UnderWay>>);

#[derive(Debug, Default)]
struct UnderWay {
    deliveries: HashSet<Key>,
    slow: HashSet<WebhookId>,
}

/// A delivery, by what it counts for.
type Key = (OrgId, WebhookId, DeliveryId);

/// One delivery under way, until it is dropped.
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

    /// Permits a delivery, unless it is under way already or too many others are.
    pub(super) fn try_acquire(&self, delivery: &Delivery) -> Option<Permit> {
        let Delivery { org, webhook_id, id, .. } = delivery;
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
        let key = (org.clone(), webhook_id.clone(), id.clone());
        let permit = || Permit { permits: self.clone(), key: key.clone(), outcome: None };
        under_way.deliveries.insert(key.clone()).then(permit)
    }
}

impl Permit {
    /// The outcome of the attempt, if there was one. A method, so that a block that moves the permit takes all of it.
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
    fn a_webhook_and_an_organisation_have_only_so_much_at_once() {
        let permits = Permits::default();
        let webhooks = [(); 4].map(|()| WebhookId::random());
        let filled = webhooks.each_ref().map(|webhook| fill(&permits, "ORG-A", webhook));
        assert_eq!(filled.each_ref().map(Vec::len), [16, 16, 0, 0]);
        let other = WebhookId::random();
        let filled_other = fill(&permits, "ORG-B", &other);
        assert_eq!(filled_other.len(), 16);
        drop(filled_other);
        let once = permits.try_acquire(&delivery("ORG-B", &other, 0));
        let twice = permits.try_acquire(&delivery("ORG-B", &other, 0));
        assert!(once.is_some() && twice.is_none(), "one is tried once at a time");
    }

    #[test]
    fn a_webhook_that_did_not_answer_in_time_has_one_at_once_until_it_answers() {
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
