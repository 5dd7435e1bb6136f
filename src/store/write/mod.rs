//! Conditional writes: a single one, or several in one transaction, with an idempotency record if the request has a key.

mod one;
mod send;

use std::borrow::Cow;

pub use one::Write;
pub use send::MAX_ACTIONS;

use jiff::Timestamp;

use super::{
    Store,
    attributes::Item,
    codec::{Entity, Record},
    context::WriteContext,
    errors::{FailedConditions, StoreError},
    expression::{Change, Condition},
    keys::Key,
};

/// The result of a commit.
pub enum Committed {
    /// The writes are stored, by this attempt or an earlier one of the same commit.
    Written,
    /// An earlier request with the same `Idempotency-Key` did it. Holds the item that was returned
    /// then.
    Replayed(Item),
}

impl Committed {
    /// Returns the record for the response: the written one, or the one that was returned before.
    pub fn answer<T: Record>(self, written: Entity<T>) -> Result<Entity<T>, StoreError> {
        match self {
            Self::Written => Ok(written),
            Self::Replayed(item) => Entity::from_item(item),
        }
    }
}

impl Store {
    /// Commits all `writes` or none. Stores the item that the first one puts as the response of the
    /// caller's `Idempotency-Key`. After an error nothing was written, unless it is
    /// [`StoreError::Unreachable`].
    pub async fn commit(
        &self,
        context: &WriteContext,
        mut writes: Vec<Write>,
    ) -> Result<Committed, StoreError> {
        let record = writes.len();
        if let Some(idempotency) = &context.idempotency {
            let Some(Write::Put { item: answer, .. }) = writes.first() else {
                return Err(StoreError::corrupt(
                    "idempotency",
                    "the write has no response to store",
                ));
            };
            writes.push(idempotency.record(context, answer)?);
        }
        self.commit_with_record(context, &writes, record).await
    }

    /// Commits all `writes` of the service itself or none. Returns `false` if a condition fails.
    pub async fn try_commit(
        &self,
        context: &WriteContext,
        writes: Vec<Write>,
    ) -> Result<bool, StoreError> {
        match self.commit(context, writes).await {
            Ok(_) => Ok(true),
            Err(StoreError::ConditionFailed(_)) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// Stores a new record of the service itself, unless it exists.
    pub async fn add<T: Record>(&self, context: &WriteContext, value: T) -> Result<(), StoreError> {
        let create = Entity::new(value, context).create()?;
        self.try_commit(context, vec![create]).await.map(|_| ())
    }

    /// Stores a record like [`Store::add`]. TTL deletes it after it has expired.
    pub async fn add_expiring<T: Record>(
        &self,
        context: &WriteContext,
        value: T,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let create = Entity::new(value, context).create_expiring(expires_at)?;
        self.try_commit(context, vec![create]).await.map(|_| ())
    }

    /// Keeps a record unchanged and stores it as the response of the caller's `Idempotency-Key`, or
    /// returns the response that is already stored there. Fails with
    /// [`StoreError::ConditionFailed`] if the record has changed since it was read.
    pub async fn keep_unchanged<T: Record>(
        &self,
        context: &WriteContext,
        current: Entity<T>,
    ) -> Result<Entity<T>, StoreError> {
        let Some(idempotency) = &context.idempotency else {
            return Ok(current);
        };
        let check = Write::Check { key: current.value.key(), condition: current.meta.unchanged() };
        let writes = [check, idempotency.record(context, &current.to_item()?)?];
        self.commit_with_record(context, &writes, 1).await?.answer(current)
    }

    /// Commits all writes or none. The write at position `record`, if present, is that of the
    /// caller's `Idempotency-Key`. Retries once if marks of interrupted deletions refused the
    /// commit.
    async fn commit_with_record(
        &self,
        context: &WriteContext,
        writes: &[Write],
        record: usize,
    ) -> Result<Committed, StoreError> {
        let refused = match self.try_with_record(context, writes, record).await {
            Err(StoreError::ConditionFailed(failed)) => failed,
            outcome => return outcome,
        };
        if self.remove_abandoned_marks(context, writes, &refused).await? {
            return self.try_with_record(context, writes, record).await;
        }
        Err(StoreError::ConditionFailed(refused))
    }

    async fn try_with_record(
        &self,
        context: &WriteContext,
        writes: &[Write],
        record: usize,
    ) -> Result<Committed, StoreError> {
        let failed = match self.send_adapted(writes).await {
            Ok(()) => return Ok(Committed::Written),
            Err(StoreError::ConditionFailed(failed)) => failed,
            Err(other) => return Err(other),
        };
        // A checked item proves nothing: an earlier transaction of the request may have written it.
        let is_own = |(position, write): (usize, &Write)| {
            let item = failed.at(position).and_then(|failed| failed.item.as_ref());
            !matches!(write, Write::Check { .. }) && item.is_some_and(|item| context.wrote(item))
        };
        if writes.iter().enumerate().any(is_own) {
            return Ok(Committed::Written);
        }
        if let (Some(idempotency), Some(refused)) = (&context.idempotency, failed.at(record))
            && let Some(item) = &refused.item
        {
            return idempotency.replay(item).map(Committed::Replayed);
        }
        Err(refused(failed))
    }

    /// Sends writes until each update of an item that may be missing either finds the item, or a
    /// check finds it absent.
    async fn send_adapted(&self, requested: &[Write]) -> Result<(), StoreError> {
        let mut writes = Cow::Borrowed(requested);
        let mut backoff = self.backoff();
        loop {
            match self.send(&writes).await {
                Err(StoreError::ConditionFailed(failed))
                    if adapt(&mut writes, requested, &failed) =>
                {
                    if !backoff.pause().await {
                        return Err(StoreError::Contention);
                    }
                }
                outcome => return outcome,
            }
        }
    }

    async fn send(&self, writes: &[Write]) -> Result<(), StoreError> {
        match writes {
            // DynamoDB supports a condition check only in a transaction.
            [single] if !matches!(single, Write::Check { .. }) => {
                self.write(single).await.map(|_| ())
            }
            several => self.transact(several).await,
        }
    }

    /// Updates one item and returns its new state. A retry of the same write returns it as well.
    pub async fn update(
        &self,
        context: &WriteContext,
        key: Key,
        change: Change,
        condition: Condition,
    ) -> Result<Item, StoreError> {
        let write = Write::Update { key, change, condition };
        match self.write(&write).await {
            Ok(item) => item
                .ok_or_else(|| StoreError::corrupt("item", "an update returned no new attributes")),
            Err(StoreError::ConditionFailed(failed)) => {
                let own = failed.items().find(|item| context.wrote(item)).cloned();
                own.ok_or_else(|| refused(failed))
            }
            Err(other) => Err(other),
        }
    }
}

/// Replaces each update of a missing item with a check that the item is absent, and restores the
/// update if the item has appeared. Returns `false` if another condition failed.
fn adapt(writes: &mut Cow<'_, [Write]>, requested: &[Write], failed: &FailedConditions) -> bool {
    let positions = (0..requested.len()).filter(|position| failed.at(*position).is_some());
    let positions: Vec<_> = positions.collect();
    let may_be_missing = |at: &usize| matches!(requested[*at], Write::UpdateIfPresent { .. });
    if positions.is_empty() || !positions.iter().all(may_be_missing) {
        return false;
    }
    for position in positions {
        let write = &mut writes.to_mut()[position];
        *write = match &*write {
            Write::UpdateIfPresent { key, .. } => {
                Write::Check { key: key.clone(), condition: Condition::Absent }
            }
            _ => requested[position].clone(),
        };
    }
    true
}

/// A condition that fails after an attempt without a response may have failed because of that
/// attempt.
fn refused(failed: FailedConditions) -> StoreError {
    if failed.after_unknown {
        return StoreError::Unreachable("an earlier attempt got no response".into());
    }
    StoreError::ConditionFailed(failed)
}
