//! Deliveries in the table. Pending ones are in the index, by the time at which they are due.

use jiff::Timestamp;

use super::model::{Attempt, Delivery, Status};
use crate::{
    id::{DeliveryId, OrgId, WebhookId},
    store::{
        Entity, Key, Meta, Record, Store, StoreError, WriteContext,
        attributes::string,
        expression::Condition,
        keys::{self, IndexKey},
        read::{List, Listed, PageRequest, Position},
    },
};

/// The page size of a read of due deliveries.
const DUE_PAGE: u16 = 100;

impl Record for Delivery {
    const TYPE: &'static str = "delivery";

    fn key(&self) -> Key {
        keys::delivery(&self.webhook_id, &self.id)
    }

    fn index_key(&self, _meta: &Meta) -> Option<IndexKey> {
        Some(keys::due_delivery(self.next_attempt_at?, &self.webhook_id, &self.id))
    }
}

/// A page of deliveries. Each delivery that can't be read is an error in the page.
pub type DuePage = Listed<Result<Entity<Delivery>, StoreError>>;

/// Returns a page of the due deliveries of one part, sorted by due time. They come from the index,
/// which lags.
pub async fn due(
    store: &Store,
    part: u16,
    now: Timestamp,
    after: Option<Position>,
    descending: bool,
) -> Result<DuePage, StoreError> {
    let page = PageRequest { after, limit: DUE_PAGE, consistent: false };
    let list = List::of(keys::due_deliveries(part, now), page).descending(descending);
    let listed = store.list(list).await?;
    let items = listed.items.into_iter().map(Entity::from_item).collect();
    Ok(Listed { items, next: listed.next })
}

/// Adds only an attempt to a delivery that has changed in the meantime. A missing delivery is not
/// an error.
pub async fn add_attempt(
    store: &Store,
    context: &WriteContext,
    delivery: &Delivery,
    attempt: &Attempt,
) -> Result<(), StoreError> {
    let read = || get(store, &context.org, &delivery.webhook_id, &delivery.id, true);
    let modify =
        |current: &Delivery| Ok::<_, StoreError>((current.with_attempt(attempt.clone()), vec![]));
    match store.modify(context, read, modify).await {
        Ok(_) | Err(StoreError::NotFound) => Ok(()),
        Err(other) => Err(other),
    }
}

/// Replaces a delivery and returns the new one. Returns `None` if it has changed since it was read.
pub async fn replace(
    store: &Store,
    context: &WriteContext,
    previous: &Entity<Delivery>,
    delivery: Delivery,
) -> Result<Option<Entity<Delivery>>, StoreError> {
    let changed = previous.changed(delivery, context);
    let replaced = store.try_commit(context, vec![changed.replace(previous)?]).await?;
    Ok(replaced.then_some(changed))
}

/// Returns a delivery to a webhook of the organisation.
pub async fn get(
    store: &Store,
    org: &OrgId,
    webhook: &WebhookId,
    id: &DeliveryId,
    consistent: bool,
) -> Result<Entity<Delivery>, StoreError> {
    store.get_of_org(org, &keys::delivery(webhook, id), consistent).await
}

/// Makes a delivery due at once, with a new series of attempts.
pub async fn replay(
    store: &Store,
    context: &WriteContext,
    webhook: &WebhookId,
    id: &DeliveryId,
) -> Result<Entity<Delivery>, StoreError> {
    let read = || get(store, &context.org, webhook, id, true);
    let modify = |current: &Delivery| Ok::<_, StoreError>((current.replayed(context.now), vec![]));
    store.modify(context, read, modify).await
}

/// Lists the deliveries to a webhook, latest event first.
pub async fn list(
    store: &Store,
    org: &OrgId,
    webhook: &WebhookId,
    status: Option<Status>,
    page: PageRequest,
) -> Result<Listed<Entity<Delivery>>, StoreError> {
    let status = status.map(|status| Condition::Equals("status", string(status)));
    let list = List::of(keys::deliveries_of_webhook(webhook), page)
        .filter(status.into_iter().collect())
        .descending(true);
    store.list_under(org, &keys::webhook(org, webhook), list).await
}
