//! Deleting what others may be about to use: mark it first, then look, then delete it or take the mark back.
//!
//! A booking checks in its transaction that neither staff member nor patient is marked, so none can slip in
//! between the look and the deletion.

use aws_sdk_dynamodb::types::AttributeValue;

use super::{
    Item, Key, Store, StoreError, WriteContext,
    codec::string,
    expression::Condition,
    write::{Committed, Write},
};

/// The attribute that marks a record as about to be deleted, with the request that is at it.
pub const DELETING: &str = "deleting";

/// That a record is there, is the organisation's, and is not about to be deleted.
#[must_use]
pub fn stays(org: &crate::id::OrgId) -> Condition {
    Condition::All(vec![
        Condition::Equals("org", string(org)),
        Condition::Without(DELETING),
    ])
}

/// That a record [stays](stays) and is active.
#[must_use]
pub fn stays_active(org: &crate::id::OrgId) -> Condition {
    let active = Condition::Equals("active", AttributeValue::Bool(true));
    Condition::All(vec![stays(org), active])
}

impl Store {
    /// Deletes the record at `key` and does `further` writes with it, unless `look` finds what still needs it.
    ///
    /// `look` is awaited after the record is marked, and must read consistently. `Ok(Some(obstacle))` tells what it
    /// found; the record then is as it was, but for its revision.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Stale`], [`StoreError::Contention`] when another request deletes
    /// it at the same time, and whatever the database may answer.
    pub async fn guarded_delete<Obstacle>(
        &self,
        context: &WriteContext,
        key: &Key,
        look: impl Future<Output = Result<Option<Obstacle>, StoreError>> + Send,
        further: impl FnOnce(&Item) -> Result<Vec<Write>, StoreError>,
    ) -> Result<Option<Obstacle>, StoreError> {
        let marking = context.step("mark");
        let marked = self.mark(&marking, key).await?;
        let mark = Condition::Equals(DELETING, string(&marking.request_id));
        let obstacle = match look.await {
            Ok(None) => {
                let mut writes = vec![Write::Delete {
                    key: key.clone(),
                    condition: mark,
                }];
                writes.extend(further(&marked)?);
                return match self.commit(context, writes, &Item::new()).await {
                    Ok(Committed::Written | Committed::Replayed(_)) => Ok(None),
                    Err(StoreError::ConditionFailed(_)) => match self.get_item(key, true).await? {
                        // A repeated try of this deletion, or another request's: it is deleted.
                        None => Ok(None),
                        Some(_) => Err(StoreError::Contention),
                    },
                    Err(other) => Err(other),
                };
            }
            found_or_failed => found_or_failed,
        };
        let unmark = context.step("unmark");
        let change = unmark.touch().remove(DELETING);
        match self.update(&unmark, key.clone(), change, mark).await {
            // Another request has marked it meanwhile, and decides for itself.
            Ok(_) | Err(StoreError::ConditionFailed(_)) => obstacle,
            Err(other) => Err(other),
        }
    }

    async fn mark(&self, context: &WriteContext, key: &Key) -> Result<Item, StoreError> {
        let mut conditions = vec![Condition::Equals("org", string(&context.org))];
        conditions.extend(context.precondition.condition());
        let change = context.touch().set(DELETING, string(&context.request_id));
        let marked = self
            .update(context, key.clone(), change, Condition::All(conditions))
            .await;
        match marked {
            Err(StoreError::ConditionFailed(failed)) => {
                Err(refusal(context, failed.items().next()))
            }
            other => other,
        }
    }
}

/// Why a write that asked for the organisation and the caller's revision was refused.
#[must_use]
pub fn refusal(context: &WriteContext, item: Option<&Item>) -> StoreError {
    let own = item.filter(|item| super::codec::text(item, "org") == Some(context.org.as_str()));
    let rev = own.and_then(|item| item.get("rev")?.as_n().ok()?.parse().ok());
    match rev {
        Some(rev) => StoreError::Stale { rev },
        None => StoreError::NotFound,
    }
}
