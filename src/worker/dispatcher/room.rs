//! How much may be under way at once: to one webhook, and to all of an organisation, so that receivers that hang hold up
//! neither others' deliveries nor each other's.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    deliveries::model::{Delivery, Outcome},
    id::{DeliveryId, OrgId, WebhookId},
};

/// How many deliveries are tried at once.
pub(super) const AT_ONCE: usize = 128;
/// How many of those may go to the webhooks of one organisation.
const AT_ONCE_TO_ORGANISATION: usize = 32;
/// How many may go to one webhook.
const AT_ONCE_TO_WEBHOOK: usize = 16;
/// How many may go to one webhook that did not answer in time the last time.
const AT_ONCE_TO_SLOW_WEBHOOK: usize = 1;

/// What is under way.
#[derive(Debug, Default)]
pub(super) struct Room(Mutex<UnderWay>);

#[derive(Debug, Default)]
struct UnderWay {
    to_webhooks: HashMap<WebhookId, Vec<DeliveryId>>,
    to_organisations: HashMap<OrgId, usize>,
    slow: HashSet<WebhookId>,
}

impl UnderWay {
    fn has_room(&self, delivery: &Delivery) -> bool {
        let most = if self.slow.contains(&delivery.webhook_id) {
            AT_ONCE_TO_SLOW_WEBHOOK
        } else {
            AT_ONCE_TO_WEBHOOK
        };
        let to_organisation = self.to_organisations.get(&delivery.org).copied().unwrap_or_default();
        let to_webhook = self.to_webhooks.get(&delivery.webhook_id);
        to_organisation < AT_ONCE_TO_ORGANISATION
            && to_webhook
                .is_none_or(|under_way| under_way.len() < most && !under_way.contains(&delivery.id))
    }
}

impl Room {
    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a delivery may be begun.
    pub(super) fn has_room(&self, delivery: &Delivery) -> bool {
        self.under_way().has_room(delivery)
    }

    /// Begins a delivery, if it may be.
    pub(super) fn enter(&self, delivery: &Delivery) -> bool {
        let mut under_way = self.under_way();
        let room = under_way.has_room(delivery);
        if room {
            let to_webhook = under_way.to_webhooks.entry(delivery.webhook_id.clone());
            to_webhook.or_default().push(delivery.id.clone());
            *under_way.to_organisations.entry(delivery.org.clone()).or_default() += 1;
        }
        room
    }

    /// Ends a delivery that was begun; `outcome` is what came of it, if it was tried.
    pub(super) fn leave(&self, delivery: &Delivery, outcome: Option<Outcome>) {
        let mut under_way = self.under_way();
        match outcome {
            Some(Outcome::TimedOut) => {
                under_way.slow.insert(delivery.webhook_id.clone());
            }
            Some(_) => {
                under_way.slow.remove(&delivery.webhook_id);
            }
            None => {}
        }
        if let Some(to_webhook) = under_way.to_webhooks.get_mut(&delivery.webhook_id) {
            to_webhook.retain(|other| *other != delivery.id);
            if to_webhook.is_empty() {
                under_way.to_webhooks.remove(&delivery.webhook_id);
            }
        }
        if let Some(to_organisation) = under_way.to_organisations.get_mut(&delivery.org) {
            *to_organisation -= 1;
            if *to_organisation == 0 {
                under_way.to_organisations.remove(&delivery.org);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::deliveries::model::Status;

    fn delivery(org: &str, webhook: &WebhookId, number: usize) -> Delivery {
        Delivery {
            id: DeliveryId::of_event(Timestamp::UNIX_EPOCH, &number.to_string()),
            org: org.parse().unwrap(),
            webhook_id: webhook.clone(),
            event_id: number.to_string(),
            event_type: "clinic.appointment.booked.v1".to_owned(),
            payload: "{}".to_owned(),
            status: Status::Pending,
            next_attempt_at: Some(Timestamp::UNIX_EPOCH),
            tries: 0,
            attempts: vec![],
            expires_at: 0,
        }
    }

    fn fill(room: &Room, org: &str, webhook: &WebhookId) -> Vec<Delivery> {
        let deliveries = (0..200).map(|number| delivery(org, webhook, number));
        deliveries.filter(|delivery| room.enter(delivery)).collect()
    }

    #[test]
    fn a_webhook_and_an_organisation_have_only_so_much_at_once() {
        let room = Room::default();
        let webhooks = [(); 4].map(|()| WebhookId::random());
        let filled = webhooks.each_ref().map(|webhook| fill(&room, "ORG-A", webhook).len());
        assert_eq!(filled, [16, 16, 0, 0]);
        assert_eq!(fill(&room, "ORG-B", &WebhookId::random()).len(), 16);
        let again = delivery("ORG-C", &webhooks[0], 0);
        assert!(!room.has_room(&again), "one is tried once at a time");
    }

    #[test]
    fn a_webhook_that_did_not_answer_in_time_has_one_at_once_until_it_answers() {
        let room = Room::default();
        let webhook = WebhookId::random();
        for delivery in fill(&room, "ORG-A", &webhook) {
            room.leave(&delivery, Some(Outcome::TimedOut));
        }
        let one = fill(&room, "ORG-A", &webhook);
        assert_eq!(one.len(), 1);
        room.leave(&one[0], None);
        let one = fill(&room, "ORG-A", &webhook);
        assert_eq!(one.len(), 1, "who did not try knows nothing new");
        room.leave(&one[0], Some(Outcome::Refused));
        assert_eq!(fill(&room, "ORG-A", &webhook).len(), 16);
    }
}
