//! Deliveries in the table. Those that wait stand in the index by when they are due.

use jiff::Timestamp;

use super::model::{Attempt, Delivery, Status};
use crate::{
    id::{DeliveryId, OrgId, WebhookId},
    store::{
        Entity, Key, Kind, Meta, Record, Store, StoreError, WriteContext,
        attributes::string,
        expression::Condition,
        keys::{self, IndexKey},
        read::{List, Listed, PageRequest, Position},
    },
    webhooks,
};

/// The types of items that are stored here.
pub const KINDS: &[Kind] = &[Kind::of::<Delivery>()];

/// How many deliveries of a part are read at once.
const DUE_AT_ONCE: u16 = 100;

impl Record for Delivery {
    const TYPE: &'static str = "delivery";

    fn key(&self) -> Key {
        keys::delivery(&self.webhook_id, &self.id)
    }

    fn index_key(&self, _meta: &Meta) -> Option<IndexKey> {
        Some(keys::due_delivery(self.next_attempt_at?, &self.webhook_id, &self.id))
    }
}

/// Stores a new delivery, unless it is there already.
///
/// # Errors
/// Whatever the database may answer.
pub async fn add(
    store: &Store,
    context: &WriteContext,
    delivery: Delivery,
) -> Result<(), StoreError> {
    match store.commit(context, vec![Entity::new(delivery, context).create()?]).await {
        Ok(_) | Err(StoreError::ConditionFailed(_)) => Ok(()),
        Err(other) => Err(other),
    }
}

/// Deliveries of one part that are due, the earliest first, and where to go on; they come from the index, which lags. One that
/// can't be read is an error of its own.
///
/// # Errors
/// Whatever the database may answer.
pub async fn due(
    store: &Store,
    part: u16,
    now: Timestamp,
    after: Option<Position>,
) -> Result<Listed<Result<Entity<Delivery>, StoreError>>, StoreError> {
    let page = PageRequest { after, limit: DUE_AT_ONCE, consistent: false };
    let listed = store.list(List::of(keys::due_deliveries(part, now), page)).await?;
    let items = listed.items.into_iter().map(Entity::from_item).collect();
    Ok(Listed { items, next: listed.next })
}

/// The deliveries of one part that became due last, the latest first; otherwise as [`due`].
///
/// # Errors
/// Whatever the database may answer.
pub async fn due_latest(
    store: &Store,
    part: u16,
    now: Timestamp,
) -> Result<Vec<Result<Entity<Delivery>, StoreError>>, StoreError> {
    let page = PageRequest { after: None, limit: DUE_AT_ONCE, consistent: false };
    let list = List::of(keys::due_deliveries(part, now), page).backwards(true);
    Ok(store.list(list).await?.items.into_iter().map(Entity::from_item).collect())
}

/// Lists an attempt at a delivery that was changed meanwhile, and leaves it otherwise as it is.
///
/// # Errors
/// Whatever the database may answer; nothing, if there is no such delivery any more.
pub async fn note(
    store: &Store,
    context: &WriteContext,
    delivery: &Delivery,
    attempt: &Attempt,
) -> Result<(), StoreError> {
    let read = || get(store, &context.org, &delivery.webhook_id, &delivery.id, true);
    let modify = |current: &Delivery| Ok::<_, StoreError>(current.with_attempt(attempt.clone()));
    match store.modify(context, read, modify, |_, _| Ok(vec![])).await {
        Ok(_) | Err(StoreError::NotFound) => Ok(()),
        Err(other) => Err(other),
    }
}

/// Replaces a delivery, if nobody has changed it since it was read; whether it did.
///
/// # Errors
/// Whatever the database may answer.
pub async fn replace(
    store: &Store,
    context: &WriteContext,
    previous: &Entity<Delivery>,
    delivery: Delivery,
) -> Result<Option<Entity<Delivery>>, StoreError> {
    let changed = previous.changed(delivery, context);
    match store.commit(context, vec![changed.replace(previous)?]).await {
        Ok(_) => Ok(Some(changed)),
        Err(StoreError::ConditionFailed(_)) => Ok(None),
        Err(other) => Err(other),
    }
}

/// A delivery to a webhook of the organisation.
///
/// # Errors
/// [`StoreError::NotFound`], also for another organisation's, and whatever the database may answer.
pub async fn get(
    store: &Store,
    org: &OrgId,
    webhook: &WebhookId,
    id: &DeliveryId,
    consistent: bool,
) -> Result<Entity<Delivery>, StoreError> {
    store.get_of_org(org, &keys::delivery(webhook, id), consistent).await
}

/// Has a delivery tried at once, as if it had never been.
///
/// # Errors
/// As [`Store::modify`].
pub async fn replay(
    store: &Store,
    context: &WriteContext,
    webhook: &WebhookId,
    id: &DeliveryId,
) -> Result<Entity<Delivery>, StoreError> {
    let read = || get(store, &context.org, webhook, id, true);
    let modify = |current: &Delivery| Ok::<_, StoreError>(current.replayed(context.now));
    store.modify(context, read, modify, |_, _| Ok(vec![])).await
}

/// The deliveries to a webhook, the latest event first.
///
/// # Errors
/// [`StoreError::NotFound`] if there is no such webhook in the organisation, and whatever the database may answer.
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
        .backwards(true);
    let listed = store.list_of_org(org, list).await?;
    if listed.items.is_empty() {
        webhooks::repo::get(store, org, webhook, true).await?;
    }
    Ok(listed)
}
