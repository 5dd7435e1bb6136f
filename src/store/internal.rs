//! Writes of the service itself, which no caller asked for.

use super::{
    Entity, Record, Store, StoreError, WriteContext,
    write::{Committed, Write},
};

impl Store {
    /// Does all `writes` or none; returns `false` if a condition does not hold.
    ///
    /// # Errors
    /// As [`Store::commit`], without [`StoreError::ConditionFailed`].
    pub async fn try_commit(
        &self,
        context: &WriteContext,
        writes: Vec<Write>,
    ) -> Result<bool, StoreError> {
        match self.commit(context, writes).await {
            Ok(Committed::Written | Committed::Replayed(_)) => Ok(true),
            Err(StoreError::ConditionFailed(_)) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// Stores a new record, unless it is there already.
    ///
    /// # Errors
    /// Any error of the database.
    pub async fn add<T: Record>(&self, context: &WriteContext, value: T) -> Result<(), StoreError> {
        let create = Entity::new(value, context).create()?;
        self.try_commit(context, vec![create]).await.map(|_| ())
    }
}
