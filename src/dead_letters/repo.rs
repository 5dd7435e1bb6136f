//! Dead letters in the table. They stay until somebody has them tried again, or drops them.

use jiff::Timestamp;

use super::model::DeadLetter;
use crate::{
    id::OrgId,
    store::{
        Entity, Key, Kind, Precondition, Record, Store, StoreError, WriteContext,
        attributes::number,
        expression::Condition,
        keys,
        read::{List, Listed, PageRequest},
        write::Write,
    },
};

/// The types of items that are stored here; a backfill leaves them as they were written.
pub const KINDS: &[Kind] = &[Kind::left_alone(DeadLetter::TYPE)];

impl Record for DeadLetter {
    const TYPE: &'static str = "dead_letter";

    fn key(&self) -> Key {
        keys::dead_letter(self.at, &self.event_id)
    }
}

/// Stores a dead letter, unless it is there already.
///
/// # Errors
/// Whatever the database may answer.
pub async fn add(
    store: &Store,
    org: OrgId,
    subject: &str,
    letter: DeadLetter,
) -> Result<(), StoreError> {
    let context = context(org, subject, &letter);
    match store.commit(&context, vec![Entity::new(letter, &context).create()?]).await {
        Ok(_) | Err(StoreError::ConditionFailed(_)) => Ok(()),
        Err(other) => Err(other),
    }
}

fn context(org: OrgId, subject: &str, letter: &DeadLetter) -> WriteContext {
    WriteContext {
        org,
        subject: subject.to_owned(),
        request_id: letter.event_id.clone(),
        now: letter.at,
        precondition: Precondition::None,
        idempotency: None,
    }
}

/// A page of dead letters of all organisations, the earliest first.
///
/// # Errors
/// Whatever the database may answer.
pub async fn list(
    store: &Store,
    page: PageRequest,
) -> Result<Listed<Entity<DeadLetter>>, StoreError> {
    let listed = store.list(List::of(keys::dead_letters(), page)).await?;
    let items = listed.items.into_iter().map(Entity::from_item).collect::<Result<_, _>>()?;
    Ok(Listed { items, next: listed.next })
}

/// Forgets a dead letter.
///
/// # Errors
/// Whatever the database may answer; nothing, if it is forgotten already.
pub async fn remove(store: &Store, letter: &Entity<DeadLetter>) -> Result<(), StoreError> {
    let condition = Condition::Equals("rev", number(letter.meta.rev));
    let context = context(letter.meta.org.clone(), "", &letter.value);
    let write = Write::Delete { key: letter.value.key(), condition };
    match store.commit(&context, vec![write]).await {
        Ok(_) | Err(StoreError::ConditionFailed(_)) => Ok(()),
        Err(other) => Err(other),
    }
}

/// When the earliest dead letter happened, if there is one.
///
/// # Errors
/// Whatever the database may answer.
pub async fn earliest(store: &Store) -> Result<Option<Timestamp>, StoreError> {
    let page = PageRequest { after: None, limit: 1, consistent: false };
    Ok(list(store, page).await?.items.first().map(|letter| letter.value.at))
}
