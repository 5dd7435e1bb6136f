//! Deletes records that others may be about to use, in three steps: mark the record, check for
//! blockers, then delete the record or remove the mark. A booking checks in its transaction that
//! the records it needs are not marked, so no booking can slip in between. If a crash leaves a
//! mark, the first commit that the mark refuses removes it.

use aws_sdk_dynamodb::types::AttributeValue;

use super::{
    Item, Key, Store, StoreError, WriteContext,
    attributes::{DELETING, string, text},
    deletion_mark::DeletionMark,
    dependents::{Deletion, Dependents, rev, unchanged},
    errors::FailedConditions,
    expression::{Change, Condition},
    write::{Committed, Write},
};

/// The condition that a record exists, belongs to the organisation and is not about to be deleted.
pub fn stays(org: &crate::id::OrgId) -> Condition {
    Condition::All(vec![Condition::Equals("org", string(org)), Condition::Without(DELETING)])
}

/// The condition that a record [`stays`] and is active.
pub fn stays_active(org: &crate::id::OrgId) -> Condition {
    let active = Condition::Equals("active", AttributeValue::Bool(true));
    Condition::All(vec![stays(org), active])
}

impl Store {
    /// Deletes the record at `key` with its `dependents` and commits `extra_writes` with it.
    /// Returns the blocker instead if `find_blocker` finds one.
    ///
    /// `find_blocker` runs before the record is marked, so that an ordinary refusal changes
    /// nothing, and again while it is marked. It must read with strong consistency. If
    /// there is a blocker or an error, the mark is removed. Once dependents are deleted, the mark
    /// stays: repeating the request then completes the deletion.
    pub async fn guarded_delete<Blocker, Finding>(
        &self,
        context: &WriteContext,
        key: &Key,
        dependents: &[Dependents],
        find_blocker: impl Fn() -> Finding,
        extra_writes: impl Fn(&Item) -> Result<Vec<Write>, StoreError>,
    ) -> Result<Option<Blocker>, StoreError>
    where
        Finding: Future<Output = Result<Option<Blocker>, StoreError>> + Send,
    {
        let (request_id, subject) = (context.request_id.clone(), context.subject.clone());
        let mark = DeletionMark { request_id, set_at: context.now, subject, decided: false };
        let mut backoff = self.backoff();
        loop {
            let found = self.get_item(key, true).await?.filter(|item| is_own(context, item));
            let found = found.ok_or(StoreError::NotFound)?;
            context.precondition.check(rev(&found))?;
            let left = DeletionMark::on(&found);
            let deletion = Deletion { context, key, dependents };
            let outcome = if let Some(decided) = left.as_ref().filter(|left| left.decided) {
                self.delete_marked(&deletion, &found, decided, extra_writes(&found)).await
            } else {
                if let Some(blocker) = find_blocker().await? {
                    // An existing mark belongs to an interrupted deletion, or to one that will find
                    // this blocker as well.
                    if let Some(left) = &left {
                        self.unmark(key, left).await?;
                    }
                    return Ok(Some(blocker));
                }
                let outcome = match self.mark(&deletion, &mark, left.as_ref()).await {
                    Ok(marked) => match Self::recheck(context, &marked, find_blocker()).await {
                        Ok(None) => {
                            let extra_writes = extra_writes(&marked);
                            self.delete_marked(&deletion, &marked, &mark, extra_writes).await
                        }
                        found_or_failed => found_or_failed,
                    },
                    Err(StoreError::NotFound) => return Err(StoreError::NotFound),
                    // Whether the record was marked is unknown.
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

    /// Checks again what may have changed before the mark was set: the caller's revision, and the
    /// blockers.
    async fn recheck<Blocker>(
        context: &WriteContext,
        marked: &Item,
        blocker: impl Future<Output = Result<Option<Blocker>, StoreError>> + Send,
    ) -> Result<Option<Blocker>, StoreError> {
        context.precondition.check(rev(marked))?;
        blocker.await
    }

    /// Sets only the mark, so that removing it leaves the record and its `ETag` as they were. A
    /// mark of another request is replaced only if it is the one that was read.
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

    /// Deletes a marked record that is unchanged since. The mark alone would not protect a change
    /// in between.
    async fn delete_marked<Blocker>(
        &self,
        deletion: &Deletion<'_>,
        marked: &Item,
        mark: &DeletionMark,
        extra_writes: Result<Vec<Write>, StoreError>,
    ) -> Result<Option<Blocker>, StoreError> {
        let Deletion { context, key, .. } = *deletion;
        let extra_writes = extra_writes?;
        let mark = self.delete_dependents(deletion, marked, mark).await?;
        let condition = unchanged(marked, vec![string(mark)]);
        let mut writes = vec![Write::Delete { key: key.clone(), condition }];
        writes.extend(extra_writes);
        let failed = match self.commit(context, writes).await {
            Ok(Committed::Written | Committed::Replayed(_)) => return Ok(None),
            Err(StoreError::ConditionFailed(_)) => StoreError::Contention,
            Err(unknown @ StoreError::Unreachable(_)) => unknown,
            Err(other) => return Err(other),
        };
        // If the record is gone, an earlier attempt or another request has deleted it.
        match self.get_item(key, true).await? {
            None => Ok(None),
            Some(_) => Err(failed),
        }
    }

    /// Removes abandoned marks from the records whose checks in `writes` failed. Returns whether
    /// there were any. The checks of later writes still hold, because the deletion of such a mark
    /// may be in progress.
    pub(super) async fn remove_abandoned_marks(
        &self,
        context: &WriteContext,
        writes: &[Write],
        failed: &FailedConditions,
    ) -> Result<bool, StoreError> {
        let mut any = false;
        for (position, write) in writes.iter().enumerate() {
            let Write::Check { key, .. } = write else { continue };
            let found = failed.at(position).and_then(|failed| failed.item.as_ref());
            let mark = found.filter(|item| is_own(context, item)).and_then(DeletionMark::on);
            if let Some(mark) = mark.filter(|mark| mark.is_abandoned(context.now)) {
                self.unmark(key, &mark).await?;
                any = true;
            }
        }
        Ok(any)
    }

    /// Removes a mark, unless the deletion was decided since: then the mark is another one.
    async fn unmark(&self, key: &Key, mark: &DeletionMark) -> Result<(), StoreError> {
        let unmark = Write::Update {
            key: key.clone(),
            change: Change::default().remove(DELETING),
            condition: Condition::Equals(DELETING, string(mark)),
        };
        match self.write(&unmark).await {
            // The record is not marked, is gone, or was marked by another request, which decides
            // itself.
            Ok(_) | Err(StoreError::ConditionFailed(_)) => Ok(()),
            Err(other) => Err(other),
        }
    }
}

fn is_own(context: &WriteContext, item: &Item) -> bool {
    text(item, "org") == Some(context.org.as_str())
}
