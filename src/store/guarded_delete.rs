//! Deleting what others may be about to use: mark it first, then look, then delete it or take the mark back.
//! A booking checks in its transaction that what it needs is not marked, so none can slip in between.

use aws_sdk_dynamodb::types::AttributeValue;

use super::{
    Item, Key, Store, StoreError, WriteContext,
    attributes::{DELETING, string, text},
    deletion_mark::DeletionMark,
    dependents::{Deletion, Dependents, rev, unchanged},
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
    /// Deletes the record at `key` with its `dependents` and does `further` writes with it, unless `look` finds what still
    /// needs it.
    ///
    /// `look` runs before the record is marked, so that an ordinary refusal changes nothing, and again while it
    /// is; it must read consistently. After what it found, and after an error, the mark is taken back, but not once dependents
    /// are deleted: then the same request again completes the deletion.
    pub async fn guarded_delete<Obstacle, Looking>(
        &self,
        context: &WriteContext,
        key: &Key,
        dependents: &[Dependents],
        look: impl Fn() -> Looking,
        further: impl Fn(&Item) -> Result<Vec<Write>, StoreError>,
    ) -> Result<Option<Obstacle>, StoreError>
    where
        Looking: Future<Output = Result<Option<Obstacle>, StoreError>> + Send,
    {
        let (request_id, subject) = (context.request_id.clone(), context.subject.clone());
        let mark = DeletionMark { request_id, subject, decided: false };
        let mut backoff = Backoff::default();
        loop {
            let found = self.get_item(key, true).await?.filter(|item| is_own(context, item));
            let found = found.ok_or(StoreError::NotFound)?;
            context.precondition.check(rev(&found))?;
            let left = DeletionMark::on(&found);
            let deletion = Deletion { context, key, dependents };
            let outcome = if let Some(decided) = left.as_ref().filter(|left| left.decided) {
                self.delete_marked(&deletion, &found, decided, further(&found)).await
            } else {
                if let Some(obstacle) = look().await? {
                    // A mark that is there already is a deletion's that was cut short, or that will find this as well.
                    if let Some(left) = &left {
                        self.unmark(key, left).await?;
                    }
                    return Ok(Some(obstacle));
                }
                let outcome = match self.mark(&deletion, &mark, left.as_ref()).await {
                    Ok(marked) => match Self::look_again(context, &marked, look()).await {
                        Ok(None) => {
                            self.delete_marked(&deletion, &marked, &mark, further(&marked)).await
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
                outcome
            };
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
        context.precondition.check(rev(marked))?;
        looking.await
    }

    /// Sets nothing but the mark, so that taking it back leaves the record, and its `ETag`, as they were. A mark of another
    /// request is replaced if it is the one that was read.
    async fn mark(
        &self,
        deletion: &Deletion<'_>,
        mark: &DeletionMark,
        left: Option<&DeletionMark>,
    ) -> Result<Item, StoreError> {
        let Deletion { context, key, .. } = deletion;
        let known = [mark].into_iter().chain(left).map(string).collect();
        let known = vec![Condition::Without(DELETING), Condition::OneOf(DELETING, known)];
        let own = Condition::Equals("org", string(&context.org));
        let condition = Condition::All(vec![own, Condition::Any(known)]);
        let change = Change::default().set(DELETING, string(mark));
        match self.update(context, (*key).clone(), change, condition).await {
            Err(StoreError::ConditionFailed(failed)) => {
                let there = failed.items().any(|item| is_own(context, item));
                Err(if there { StoreError::Contention } else { StoreError::NotFound })
            }
            other => other,
        }
    }

    /// Deletes what is marked and unchanged since; the mark alone would let a change in between be lost.
    async fn delete_marked<Obstacle>(
        &self,
        deletion: &Deletion<'_>,
        marked: &Item,
        mark: &DeletionMark,
        further: Result<Vec<Write>, StoreError>,
    ) -> Result<Option<Obstacle>, StoreError> {
        let Deletion { context, key, .. } = *deletion;
        let further = further?;
        let mark = self.delete_dependents(deletion, marked, mark).await?;
        let condition = unchanged(marked, vec![string(mark)]);
        let mut writes = vec![Write::Delete { key: key.clone(), condition }];
        writes.extend(further);
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

    /// Takes a mark back, unless the deletion is decided since: then the mark is another one.
    async fn unmark(&self, key: &Key, mark: &DeletionMark) -> Result<(), StoreError> {
        let unmark = Write::Update {
            key: key.clone(),
            change: Change::default().remove(DELETING),
            condition: Condition::Equals(DELETING, string(mark)),
        };
        match self.write(&unmark).await {
            // It is not marked, it is gone, or another request has marked it meanwhile and decides for itself.
            Ok(_) | Err(StoreError::ConditionFailed(_)) => Ok(()),
            Err(other) => Err(other),
        }
    }
}

fn is_own(context: &WriteContext, item: &Item) -> bool {
    text(item, "org") == Some(context.org.as_str())
}
