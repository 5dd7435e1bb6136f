//! Webhooks in the table.

use super::model::Webhook;
use crate::{
    id::{OrgId, WebhookId},
    store::{
        Entity, Key, Record, Store, StoreError, WriteContext, keys,
        read::{List, Listed, PageRequest},
    },
};

/// The maximum number of webhooks of an organisation. Each change is written once for every webhook
/// that wants it.
pub const MAX_WEBHOOKS: usize = 50;

impl Record for Webhook {
    const TYPE: &'static str = "webhook";

    fn key(&self) -> Key {
        keys::webhook(&self.org, &self.id)
    }
}

/// Stores a new webhook, or returns the one that was stored under the same `Idempotency-Key`.
pub async fn create(
    store: &Store,
    context: &WriteContext,
    webhook: Webhook,
) -> Result<Entity<Webhook>, StoreError> {
    store.create(context, Entity::new(webhook, context), vec![]).await
}

/// Returns a webhook of the organisation.
pub async fn get(
    store: &Store,
    org: &OrgId,
    id: &WebhookId,
    consistent: bool,
) -> Result<Entity<Webhook>, StoreError> {
    store.get_of_org(org, &keys::webhook(org, id), consistent).await
}

/// Replaces a webhook with the result of `modify`.
pub async fn update<E: From<StoreError>>(
    store: &Store,
    context: &WriteContext,
    id: &WebhookId,
    modify: impl Fn(&Webhook) -> Result<Webhook, E>,
) -> Result<Entity<Webhook>, E> {
    let read = || get(store, &context.org, id, true);
    store.modify(context, read, |current| Ok((modify(current)?, vec![]))).await
}

/// Deletes a webhook. Pending deliveries to it are not sent.
pub async fn delete(
    store: &Store,
    context: &WriteContext,
    id: &WebhookId,
) -> Result<(), StoreError> {
    store.delete::<Webhook>(context, &keys::webhook(&context.org, id)).await
}

/// Lists an organisation's webhooks, by id.
pub async fn list(
    store: &Store,
    org: &OrgId,
    page: PageRequest,
) -> Result<Listed<Entity<Webhook>>, StoreError> {
    store.list_of_org(org, List::of(keys::webhooks_of_org(org), page)).await
}

/// Returns all webhooks of an organisation, read consistently.
pub async fn all(store: &Store, org: &OrgId) -> Result<Vec<Entity<Webhook>>, StoreError> {
    store.all_of_org(org, keys::webhooks_of_org(org), true).await
}
