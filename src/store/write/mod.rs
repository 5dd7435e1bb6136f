//! Conditional writes: one alone, or several in one transaction, with an idempotency record where one is due.

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
    retry::Backoff,
};

/// What became of a commit.
pub enum Committed {
    /// It is written, now or by an earlier try of the same write.
    Written,
    /// The same `Idempotency-Key` did it before; this is the answer's item of that time.
    Replayed(Item),
}

impl Committed {
    /// The record to answer with: the one that was written, or what was answered before.
    pub fn answer<T: Record>(self, written: Entity<T>) -> Result<Entity<T>, StoreError> {
        match self {
            Self::Written => Ok(written),
            Self::Replayed(item) => Entity::from_item(item),
        }
    }
}

impl Store {
    /// Does all `writes` or none, and keeps the item that the first one puts as the answer under the caller's
    /// `Idempotency-Key`. After an error nothing was written, unless it is [`StoreError::Unreachable`].
    pub async fn commit(
        &self,
        context: &WriteContext,
        mut writes: Vec<Write>,
    ) -> Result<Committed, StoreError> {
        let asked = writes.len();
        if let Some(idempotency) = &context.idempotency {
            let Some(Write::Put { item: answer, .. }) = writes.first() else {
                return Err(StoreError::corrupt("idempotency", "the write has no answer to keep"));
            };
            writes.push(idempotency.record(context, answer)?);
        }
        self.commit_with_record(context, &writes, asked).await
    }

    /// Does all `writes` of the service itself or none; returns `false` if a condition does not hold.
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

    /// Stores a new record of the service itself, unless it is there already.
    pub async fn add<T: Record>(&self, context: &WriteContext, value: T) -> Result<(), StoreError> {
        let create = Entity::new(value, context).create()?;
        self.try_commit(context, vec![create]).await.map(|_| ())
    }

    /// [`Store::add`] of a record that TTL deletes once it has expired.
    pub async fn add_expiring<T: Record>(
        &self,
        context: &WriteContext,
        value: T,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let create = Entity::new(value, context).create_expiring(expires_at)?;
        self.try_commit(context, vec![create]).await.map(|_| ())
    }

    /// Leaves a record as it is, and keeps it as the answer under the caller's `Idempotency-Key`; or returns what was answered
    /// under that before. [`StoreError::ConditionFailed`] if it has changed since it was read.
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

    /// Does all writes or none, of which the one at `record` is that of the caller's `Idempotency-Key`, if it sent one.
    async fn commit_with_record(
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
        if failed.items().any(|item| context.wrote(item)) {
            return Ok(Committed::Written);
        }
        if let (Some(idempotency), Some(refused)) = (&context.idempotency, failed.at(record))
            && let Some(item) = &refused.item
        {
            return idempotency.replay(item).map(Committed::Replayed);
        }
        Err(refused(failed))
    }

    /// Sends writes until each update of an item that may be missing finds its item, or a check finds it absent.
    async fn send_adapted(&self, asked: &[Write]) -> Result<(), StoreError> {
        let mut writes = Cow::Borrowed(asked);
        let mut backoff = Backoff::default();
        loop {
            match self.send(&writes).await {
                Err(StoreError::ConditionFailed(failed)) if adapt(&mut writes, asked, &failed) => {
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
            // DynamoDB checks a condition alone only in a transaction.
            [single] if !matches!(single, Write::Check { .. }) => {
                self.write(single).await.map(|_| ())
            }
            several => self.transact(several).await,
        }
    }

    /// Changes one item and returns it as it then is; a repeated try of the same write returns it as well.
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

/// Puts a check that the item is absent in the place of each update of a missing item, and the update back where the item has
/// appeared. `false` if anything else failed.
fn adapt(writes: &mut Cow<'_, [Write]>, asked: &[Write], failed: &FailedConditions) -> bool {
    let positions = (0..asked.len()).filter(|position| failed.at(*position).is_some());
    let positions: Vec<_> = positions.collect();
    let may_be_missing = |at: &usize| matches!(asked[*at], Write::UpdateIfPresent { .. });
    if positions.is_empty() || !positions.iter().all(may_be_missing) {
        return false;
    }
    for position in positions {
        let write = &mut writes.to_mut()[position];
        *write = match &*write {
            Write::UpdateIfPresent { key, .. } => {
                Write::Check { key: key.clone(), condition: Condition::Absent }
            }
            _ => asked[position].clone(),
        };
    }
    true
}

/// A condition that failed after a try without an answer may have been broken by that try.
fn refused(failed: FailedConditions) -> StoreError {
    if failed.after_unknown {
        return StoreError::Unreachable("an earlier try was not answered".into());
    }
    StoreError::ConditionFailed(failed)
}
