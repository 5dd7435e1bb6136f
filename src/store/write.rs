//! Conditional writes: one alone, or several in one transaction, with an idempotency record where one is due.

use aws_sdk_dynamodb::types::{
    ConditionCheck, Delete, Put, ReturnConsumedCapacity, ReturnValue,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use jiff::Timestamp;

use super::{
    Idempotency, Item, Key, Store, StoreError,
    codec::{MAX_ITEM_BYTES, item_bytes, number, string, text},
    errors::{Cause, Failure, of_write},
    expression::{Change, Condition, Placeholders},
    retry::Backoff,
};
use crate::id::OrgId;

/// Who writes, when, on behalf of which request, and under which conditions of the caller.
#[derive(Debug, Clone)]
pub struct WriteContext {
    /// The caller's organisation.
    pub org: OrgId,
    /// The caller, for `updated_by`.
    pub subject: String,
    /// Unique to this write: what is stored with it tells a repeated request its own work.
    pub request_id: String,
    /// The request's instant.
    pub now: Timestamp,
    /// The revisions that the caller allows (`If-Match`).
    pub precondition: Precondition,
    /// The caller's `Idempotency-Key`, if it sent one.
    pub idempotency: Option<Idempotency>,
}

impl WriteContext {
    /// The change that every update makes: the revision, and who and when.
    #[must_use]
    pub fn touch(&self) -> Change {
        Change::default()
            .set("updated_at", string(self.now))
            .set("updated_by", string(&self.subject))
            .set("request_id", string(&self.request_id))
            .increment("rev")
    }

    /// Whether an item was written by this very write.
    #[must_use]
    pub fn wrote(&self, item: &Item) -> bool {
        text(item, "request_id") == Some(self.request_id.as_str())
    }
}

/// The revisions of a record that a caller allows to be changed (RFC 9110, `If-Match`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Precondition {
    /// The caller did not ask.
    #[default]
    None,
    /// One of these revisions; none at all allows nothing.
    Revisions(Vec<u64>),
}

impl Precondition {
    /// Refuses a revision that the caller does not allow.
    ///
    /// # Errors
    /// [`StoreError::Stale`].
    pub fn check(&self, rev: u64) -> Result<(), StoreError> {
        match self {
            Self::Revisions(allowed) if !allowed.contains(&rev) => Err(StoreError::Stale { rev }),
            _ => Ok(()),
        }
    }

    /// Whether the caller named revisions, so that a change in between must be told rather than retried over.
    #[must_use]
    pub fn is_set(&self) -> bool {
        *self != Self::None
    }

    /// The precondition as a condition of the write itself.
    #[must_use]
    pub fn condition(&self) -> Option<Condition> {
        match self {
            Self::None => None,
            // DynamoDB refuses an empty IN; no item is at revision 0.
            Self::Revisions(allowed) if allowed.is_empty() => {
                Some(Condition::Equals("rev", number(0_u64)))
            }
            Self::Revisions(allowed) => {
                Some(Condition::OneOf("rev", allowed.iter().map(|rev| number(*rev)).collect()))
            }
        }
    }
}

/// One conditional write; several make a transaction.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "key, item, change and condition say what they are")]
pub enum Write {
    /// Store a whole item.
    Put { item: Item, condition: Condition },
    /// Change some attributes.
    Update { key: Key, change: Change, condition: Condition },
    /// Delete an item.
    Delete { key: Key, condition: Condition },
    /// Write nothing, but let the others happen only if the condition holds.
    Check { key: Key, condition: Condition },
}

/// What became of a commit.
#[derive(Debug)]
pub enum Committed {
    /// It is written, now or by an earlier try of the same write.
    Written,
    /// The same `Idempotency-Key` did it before; this is the answer's item of that time.
    Replayed(Item),
}

impl Store {
    /// Does all `writes` or none, and keeps `answer` under the caller's `Idempotency-Key`, if it sent one.
    ///
    /// # Errors
    /// [`StoreError::ConditionFailed`] by position in `writes`, [`StoreError::IdempotencyKeyReused`], and
    /// whatever the database may answer. Nothing was written, unless it is [`StoreError::Unreachable`].
    pub async fn commit(
        &self,
        context: &WriteContext,
        mut writes: Vec<Write>,
        answer: &Item,
    ) -> Result<Committed, StoreError> {
        let asked = writes.len();
        if let Some(idempotency) = &context.idempotency {
            writes.push(idempotency.record(context, answer)?);
        }
        let outcome = match writes.as_slice() {
            [single] => self.write(single).await.map(|_| ()),
            several => self.transact(several).await,
        };
        let failed = match outcome {
            Ok(()) => return Ok(Committed::Written),
            Err(StoreError::ConditionFailed(failed)) => failed,
            Err(other) => return Err(other),
        };
        if failed.items().any(|item| context.wrote(item)) {
            return Ok(Committed::Written);
        }
        if let (Some(idempotency), Some(record)) = (&context.idempotency, failed.at(asked))
            && let Some(item) = &record.item
        {
            return idempotency.replay(item).map(Committed::Replayed);
        }
        Err(StoreError::ConditionFailed(failed))
    }

    /// Changes one item and returns it as it then is; a repeated try of the same write returns it as well.
    ///
    /// # Errors
    /// As [`Store::commit`].
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
                own.ok_or(StoreError::ConditionFailed(failed))
            }
            Err(other) => Err(other),
        }
    }

    async fn write(&self, write: &Write) -> Result<Option<Item>, StoreError> {
        refuse_oversize(std::slice::from_ref(write))?;
        let mut backoff = Backoff::default();
        loop {
            match self.try_write(write).await {
                Ok(item) => return Ok(item),
                Err(Failure::Store(error)) => return Err(error),
                Err(Failure::Conflict) if backoff.pause().await => {}
                Err(Failure::Conflict) => return Err(StoreError::Contention),
            }
        }
    }

    async fn try_write(&self, write: &Write) -> Result<Option<Item>, Failure> {
        let mut placeholders = Placeholders::default();
        let all_old = ReturnValuesOnConditionCheckFailure::AllOld;
        let capacity = ReturnConsumedCapacity::Total;
        match write {
            Write::Put { item, condition } => {
                let condition = condition.render(&mut placeholders);
                let put =
                    self.client.put_item().table_name(&self.table).set_item(Some(item.clone()));
                let put = put
                    .condition_expression(condition)
                    .set_expression_attribute_names(placeholders.names())
                    .set_expression_attribute_values(placeholders.values())
                    .return_values_on_condition_check_failure(all_old)
                    .return_consumed_capacity(capacity);
                put.send().await.map(|_| None).map_err(of_write)
            }
            Write::Update { key, change, condition } => {
                let change = change.render(&mut placeholders);
                let condition = condition.render(&mut placeholders);
                let update = self.client.update_item().table_name(&self.table);
                let update = update
                    .set_key(Some(key.attributes()))
                    .update_expression(change)
                    .condition_expression(condition)
                    .set_expression_attribute_names(placeholders.names())
                    .set_expression_attribute_values(placeholders.values())
                    .return_values(ReturnValue::AllNew)
                    .return_values_on_condition_check_failure(all_old)
                    .return_consumed_capacity(capacity);
                update.send().await.map(|output| output.attributes).map_err(of_write)
            }
            Write::Delete { key, condition } => {
                let condition = condition.render(&mut placeholders);
                let delete = self.client.delete_item().table_name(&self.table);
                let delete = delete
                    .set_key(Some(key.attributes()))
                    .condition_expression(condition)
                    .set_expression_attribute_names(placeholders.names())
                    .set_expression_attribute_values(placeholders.values())
                    .return_values_on_condition_check_failure(all_old)
                    .return_consumed_capacity(capacity);
                delete.send().await.map(|_| None).map_err(of_write)
            }
            Write::Check { .. } => Err(Failure::Store(StoreError::Unexpected(
                "a condition check can't be written alone".into(),
            ))),
        }
    }

    async fn transact(&self, writes: &[Write]) -> Result<(), StoreError> {
        refuse_oversize(writes)?;
        let items: Vec<_> = writes
            .iter()
            .map(|write| self.transact_item(write))
            .collect::<Result<_, _>>()
            .map_err(|error| StoreError::Unexpected(Cause::from(error)))?;
        let mut backoff = Backoff::default();
        loop {
            // The SDK gives each call a ClientRequestToken and keeps it when it repeats the call.
            let transaction = self
                .client
                .transact_write_items()
                .set_transact_items(Some(items.clone()))
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            match transaction.send().await.map_err(of_write) {
                Ok(_) => return Ok(()),
                Err(Failure::Store(error)) => return Err(error),
                Err(Failure::Conflict) if backoff.pause().await => {}
                Err(Failure::Conflict) => return Err(StoreError::Contention),
            }
        }
    }

    fn transact_item(
        &self,
        write: &Write,
    ) -> Result<TransactWriteItem, aws_sdk_dynamodb::error::BuildError> {
        let mut placeholders = Placeholders::default();
        let item = TransactWriteItem::builder();
        let all_old = ReturnValuesOnConditionCheckFailure::AllOld;
        let item = match write {
            Write::Put { item: stored, condition } => {
                let condition = condition.render(&mut placeholders);
                let put = Put::builder().table_name(&self.table).set_item(Some(stored.clone()));
                item.put(
                    put.condition_expression(condition)
                        .set_expression_attribute_names(placeholders.names())
                        .set_expression_attribute_values(placeholders.values())
                        .return_values_on_condition_check_failure(all_old)
                        .build()?,
                )
            }
            Write::Update { key, change, condition } => {
                let change = change.render(&mut placeholders);
                let condition = condition.render(&mut placeholders);
                let update = Update::builder().table_name(&self.table);
                item.update(
                    update
                        .set_key(Some(key.attributes()))
                        .update_expression(change)
                        .condition_expression(condition)
                        .set_expression_attribute_names(placeholders.names())
                        .set_expression_attribute_values(placeholders.values())
                        .return_values_on_condition_check_failure(all_old)
                        .build()?,
                )
            }
            Write::Delete { key, condition } => {
                let condition = condition.render(&mut placeholders);
                let delete = Delete::builder().table_name(&self.table);
                item.delete(
                    delete
                        .set_key(Some(key.attributes()))
                        .condition_expression(condition)
                        .set_expression_attribute_names(placeholders.names())
                        .set_expression_attribute_values(placeholders.values())
                        .return_values_on_condition_check_failure(all_old)
                        .build()?,
                )
            }
            Write::Check { key, condition } => {
                let condition = condition.render(&mut placeholders);
                let check = ConditionCheck::builder().table_name(&self.table);
                item.condition_check(
                    check
                        .set_key(Some(key.attributes()))
                        .condition_expression(condition)
                        .set_expression_attribute_names(placeholders.names())
                        .set_expression_attribute_values(placeholders.values())
                        .return_values_on_condition_check_failure(all_old)
                        .build()?,
                )
            }
        };
        Ok(item.build())
    }
}

/// Refuses an item that DynamoDB would not take, before it is sent.
fn refuse_oversize(writes: &[Write]) -> Result<(), StoreError> {
    let heaviest = writes.iter().filter_map(|write| match write {
        Write::Put { item, .. } => Some(item_bytes(item)),
        _ => None,
    });
    match heaviest.max() {
        Some(bytes) if bytes > MAX_ITEM_BYTES => Err(StoreError::TooLarge { bytes }),
        _ => Ok(()),
    }
}
