//! Stores the deliveries of one organisation's events, within a time budget. The rest is deferred.

use tokio::sync::OnceCell;

use super::{SUBJECT, budget::Budget};
use crate::{
    events::StoredEventType,
    id::{OrgId, WebhookId},
    records::{
        deferred::model::DeferredEvent,
        webhooks::{self, model::Webhook},
    },
    store::{Entity, Store, StoreError, WriteContext},
};

/// The fan-out of one organisation's events to its webhooks.
#[derive(Debug)]
pub(super) struct FanOut<'a> {
    store: &'a Store,
    org: &'a OrgId,
    /// The webhooks, read after the events. All webhooks that existed at the time of an event are
    /// among them.
    webhooks: OnceCell<Vec<Entity<Webhook>>>,
    budget: &'a Budget,
}

impl<'a> FanOut<'a> {
    /// Creates the fan-out of an organisation, within a budget.
    pub(super) fn new(store: &'a Store, org: &'a OrgId, budget: &'a Budget) -> Self {
        Self { store, org, webhooks: OnceCell::new(), budget }
    }

    /// Stores the deliveries of an event. Returns the event with the remaining webhooks, if there
    /// are any.
    pub(super) async fn deliver(
        &self,
        event: DeferredEvent,
    ) -> Result<Option<DeferredEvent>, StoreError> {
        let webhook_ids = match &event.webhook_ids {
            Some(known) => known.clone(),
            None => match self.webhooks().await? {
                Some(all) => wanting(all, &event.event_type),
                None => return Ok(Some(event)),
            },
        };
        let context = context(&event);
        let mut left = Vec::new();
        for webhook in webhook_ids {
            let delivery = event.delivery(webhook.clone());
            if self.budget.run(Box::pin(self.store.add(&context, delivery))).await?.is_none() {
                left.push(webhook);
            }
        }
        let deferred = || DeferredEvent { webhook_ids: Some(left.clone()), ..event.clone() };
        Ok((!left.is_empty()).then(deferred))
    }

    /// Returns the organisation's webhooks, or `None` if the budget was spent before they were
    /// read.
    async fn webhooks(&self) -> Result<Option<&Vec<Entity<Webhook>>>, StoreError> {
        if let Some(read) = self.webhooks.get() {
            return Ok(Some(read));
        }
        let all = || webhooks::repo::all(self.store, self.org);
        self.budget.run(Box::pin(self.webhooks.get_or_try_init(all))).await
    }
}

fn wanting(webhooks: &[Entity<Webhook>], event_type: &StoredEventType) -> Vec<WebhookId> {
    let wanting = webhooks.iter().filter(|webhook| webhook.value.wants(event_type));
    wanting.map(|webhook| webhook.value.id.clone()).collect()
}

/// Returns the write context for the deliveries of an event.
pub(super) fn context(event: &DeferredEvent) -> WriteContext {
    WriteContext::internal(event.org.clone(), SUBJECT, event.event_id.clone(), event.at)
}
