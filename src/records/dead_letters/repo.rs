//! Dead letters in the table. They stay until an operator retries or drops them.

use jiff::Timestamp;

use super::model::DeadLetter;
use crate::store::{
    Entity, ItemType, Key, Record, Store, StoreError, WriteContext, keys,
    read::{List, Listed, PageRequest},
};

/// The types of items that are stored here.
pub const ITEM_TYPES: &[ItemType] = &[ItemType::never_rewritten(DeadLetter::TYPE)];

impl Record for DeadLetter {
    const TYPE: &'static str = "dead_letter";

    fn key(&self) -> Key {
        keys::dead_letter(self.at, &self.event_id)
    }
}

/// Returns a page of the dead letters of all organisations, earliest first.
pub async fn list(
    store: &Store,
    page: PageRequest,
) -> Result<Listed<Entity<DeadLetter>>, StoreError> {
    let listed = store.list(List::of(keys::dead_letters(), page)).await?;
    let items = listed.items.into_iter().map(Entity::from_item).collect::<Result<_, _>>()?;
    Ok(Listed { items, next: listed.next })
}

/// Removes a dead letter. A missing one is not an error.
pub async fn remove(store: &Store, dead_letter: &Entity<DeadLetter>) -> Result<(), StoreError> {
    let Entity { meta, value } = dead_letter;
    let context = WriteContext::internal(meta.org.clone(), "", value.event_id.clone(), value.at);
    store.try_commit(&context, vec![dead_letter.delete()]).await.map(|_| ())
}

/// Returns the time of the earliest dead letter, if there is one.
pub async fn earliest(store: &Store) -> Result<Option<Timestamp>, StoreError> {
    let page = PageRequest { after: None, limit: 1, consistent: false };
    Ok(list(store, page).await?.items.first().map(|earliest| earliest.value.at))
}
