//! Deleting what others may be about to use: mark it first, then look, then delete it or take the mark back.
//! A booking checks in its transaction that what it needs is not marked, so none can slip in between.

use aws_sdk_dynamodb::types::AttributeValue;

use super::{
    Item, Key, Store, StoreError, WriteContext,
    attributes::{DELETING, number, string, text},
    deletion_mark::DeletionMark,
    expression::{Change, Condition},
    retry::Backoff,
    write::{Committed, Write},
};

/// That a record is there, is the organisation's, and is not about to be deleted.
pub fn stays(org: &crate::id::OrgId) -> Condition {
    Condition::All(vec![Condition::Equals("org", string(org)), Condition::Without(DELETING)])
}

/// That a record [`stays`] and is active.
pub fn stays_active(org: &crate::id::OrgId) -> Condition {
    let active = Condition::Equals("active", AttributeValue::Bool(true));
    Condition::All(vec![stays(org), active])
}

impl Store {
    /// Deletes the record at `key` and does `further` writes with it, unless `look` finds what still needs it.
    ///
    /// `look` runs before the record is marked, so that an ordinary refusal changes nothing, and again while it
    /// is; it must read consistently. After what it found, and after an error, the mark is taken back.
    pub async fn guarded_delete<Obstacle, Looking>(
        &self,
        context: &WriteContext,
        key: &Key,
        look: impl Fn() -> Looking,
        further: impl Fn(&Item) -> Result<Vec<Write>, StoreError>,
    ) -> Result<Option<Obstacle>, StoreError>
    where
        Looking: Future<Output = Result<Option<Obstacle>, StoreError>> + Send,
    {
        let (request_id, subject) = (context.request_id.clone(), context.subject.clone());
        let mark = string(DeletionMark { request_id, subject });
        let mut backoff = Backoff::default();
        loop {
            let found = self.get_item(key, true).await?;
            let rev = own_rev(context, found.as_ref()).ok_or(StoreError::NotFound)?;
            context.precondition.check(rev)?;
            if let Some(obstacle) = look().await? {
                // A mark that is there already is a deletion's that was cut short, or that will find this as well.
                if let Some(left) = found.as_ref().and_then(|item| item.get(DELETING)) {
                    self.unmark(key, left).await?;
                }
                return Ok(Some(obstacle));
            }
            let marked = self.mark(context, key, mark.clone()).await;
            let outcome = match marked {
                Ok(marked) => match Self::look_again(context, &marked, look()).await {
                    Ok(None) => {
                        let further = further(&marked);
                        self.delete_marked(context, key, &marked, &mark, further).await
                    }
                    found_or_failed => found_or_failed,
                },
                Err(StoreError::NotFound) => return Err(StoreError::NotFound),
                // Whether it was marked is not known.
                Err(other) => Err(other),
            };
            if !matches!(outcome, Ok(None)) {
                self.unmark(key, &mark).await.map_err(StoreError::after_writes)?;
            }
            match outcome.map_err(StoreError::after_writes) {
                Err(StoreError::Contention) if backoff.pause().await => {}
                settled => return settled,
            }
        }
    }

    /// What may have changed before the mark was set: the caller's revision, and who needs the record.
    async fn look_again<Obstacle>(
        context: &WriteContext,
        marked: &Item,
        looking: impl Future<Output = Result<Option<Obstacle>, StoreError>> + Send,
    ) -> Result<Option<Obstacle>, StoreError> {
        let rev = own_rev(context, Some(marked)).ok_or(StoreError::NotFound)?;
        context.precondition.check(rev)?;
        looking.await
    }

    /// Sets nothing but the mark, so that taking it back leaves the record, and its `ETag`, as they were.
    async fn mark(
        &self,
        context: &WriteContext,
        key: &Key,
        mark: AttributeValue,
    ) -> Result<Item, StoreError> {
        let own = Condition::Equals("org", string(&context.org));
        let change = Change::default().set(DELETING, mark);
        match self.update(context, key.clone(), change, own).await {
            Err(StoreError::ConditionFailed(_)) => Err(StoreError::NotFound),
            other => other,
        }
    }

    /// Deletes what is marked and unchanged since; the mark alone would let a change in between be lost.
    async fn delete_marked<Obstacle>(
        &self,
        context: &WriteContext,
        key: &Key,
        marked: &Item,
        mark: &AttributeValue,
        further: Result<Vec<Write>, StoreError>,
    ) -> Result<Option<Obstacle>, StoreError> {
        let rev = own_rev(context, Some(marked)).unwrap_or_default();
        let unchanged =
            vec![Condition::Equals(DELETING, mark.clone()), Condition::Equals("rev", number(rev))];
        let condition = Condition::All(unchanged);
        let mut writes = vec![Write::Delete { key: key.clone(), condition }];
        writes.extend(further?);
        let failed = match self.commit(context, writes).await {
            Ok(Committed::Written | Committed::Replayed(_)) => return Ok(None),
            Err(StoreError::ConditionFailed(_)) => StoreError::Contention,
            Err(unknown @ StoreError::Unreachable(_)) => unknown,
            Err(other) => return Err(other),
        };
        // If it is gone, an earlier try of this deletion or another request's has done it.
        match self.get_item(key, true).await? {
            None => Ok(None),
            Some(_) => Err(failed),
        }
    }

    async fn unmark(&self, key: &Key, mark: &AttributeValue) -> Result<(), StoreError> {
        let unmark = Write::Update {
            key: key.clone(),
            change: Change::default().remove(DELETING),
            condition: Condition::Equals(DELETING, mark.clone()),
        };
        match self.write(&unmark).await {
            // It is not marked, it is gone, or another request has marked it meanwhile and decides for itself.
            Ok(_) | Err(StoreError::ConditionFailed(_)) => Ok(()),
            Err(other) => Err(other),
        }
    }
}

fn own_rev(context: &WriteContext, item: Option<&Item>) -> Option<u64> {
    let own = item.filter(|item| text(item, "org") == Some(context.org.as_str()));
    own.and_then(|item| item.get("rev")?.as_n().ok()?.parse().ok())
}
