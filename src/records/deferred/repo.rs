//! Deferred work in the table, spread over partitions by organisation. An item stays until all of
//! its work is done.

use jiff::Timestamp;

use super::model::{DeferredAccesses, DeferredEvent};
use crate::{
    id::OrgId,
    store::{
        Entity, Item, ItemType, Key, Record, Store, StoreError, WriteContext,
        codec::is_of_type,
        keys,
        read::{List, Listed, PageRequest},
    },
};

/// The types of items that are stored here.
pub const ITEM_TYPES: &[ItemType] =
    &[ItemType::of::<DeferredEvent>(), ItemType::of::<DeferredAccesses>()];

impl Record for DeferredEvent {
    const TYPE: &'static str = "deferred_event";

    fn key(&self) -> Key {
        keys::deferred(&self.org, self.at, &self.event_id)
    }
}

impl Record for DeferredAccesses {
    const TYPE: &'static str = "deferred_accesses";

    fn key(&self) -> Key {
        keys::deferred(&self.org, self.at, &self.request)
    }
}

/// One item of deferred work.
#[derive(Debug)]
pub enum Deferred {
    /// Deliveries of an event.
    Event(Entity<DeferredEvent>),
    /// Accesses of a request.
    Accesses(Entity<DeferredAccesses>),
}

impl Deferred {
    fn from_item(item: Item) -> Result<Self, StoreError> {
        if is_of_type::<DeferredAccesses>(&item) {
            Entity::from_item(item).map(Self::Accesses)
        } else {
            Entity::from_item(item).map(Self::Event)
        }
    }
}

/// Returns the next organisation of a part after `after`, and the time of its earliest work. Its
/// work may be done by the time it is read.
pub async fn next_org(
    store: &Store,
    part: u16,
    after: Option<&OrgId>,
) -> Result<Option<(OrgId, Timestamp)>, StoreError> {
    let page = PageRequest { after: None, limit: 1, consistent: false };
    let listed = store.list(List::of(keys::deferred_of_part(part, after), page)).await?;
    let Some(first) = listed.items.first() else { return Ok(None) };
    let found = keys::org_of_deferred(first).zip(keys::time_of_deferred(first));
    found.map(Some).ok_or_else(|| {
        StoreError::corrupt(DeferredEvent::TYPE, "its key has no organisation, or no time")
    })
}

/// Returns a page of an organisation's work, earliest first. Each item that can't be read is an
/// error in the page.
pub async fn page(
    store: &Store,
    org: &OrgId,
    page: PageRequest,
) -> Result<Listed<Result<Deferred, StoreError>>, StoreError> {
    let listed = store.list(List::of(keys::deferred_of_org(org), page)).await?;
    let items = listed.items.into_iter().map(Deferred::from_item).collect();
    Ok(Listed { items, next: listed.next })
}

/// Replaces an event, unless it has changed since it was read.
pub async fn replace(
    store: &Store,
    context: &WriteContext,
    previous: &Entity<DeferredEvent>,
    deferred: DeferredEvent,
) -> Result<(), StoreError> {
    let changed = previous.changed(deferred, context);
    store.try_commit(context, vec![changed.replace(previous)?]).await.map(|_| ())
}

/// Removes completed work, unless it has changed since it was read.
pub async fn remove<T: Record>(
    store: &Store,
    context: &WriteContext,
    done: &Entity<T>,
) -> Result<(), StoreError> {
    store.try_commit(context, vec![done.delete()]).await.map(|_| ())
}
