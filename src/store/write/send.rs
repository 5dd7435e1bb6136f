//! Writes as the SDK sends them, tried again while other transactions have the same items in hand.

use aws_sdk_dynamodb::{
    error::BuildError,
    types::{
        ConditionCheck, Delete, Put, ReturnConsumedCapacity, ReturnValue,
        ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
    },
};

use super::Write;
use crate::store::{
    Item, Store, StoreError,
    attributes::{MAX_ITEM_BYTES, item_bytes},
    errors::{Failure, of_write},
    expression::Placeholders,
    retry::Backoff,
};

/// How often a call is tried that is throttled or gets no answer, as the SDK does.
const MAX_TRIES: u8 = 3;

/// What every conditional write has, whichever builder makes it: its condition, the names and values of its
/// expressions, and the item back where the condition fails.
macro_rules! conditional {
    ($builder:expr, $condition:expr, $placeholders:expr) => {{
        let condition = $condition.render(&mut $placeholders);
        $builder
            .condition_expression(condition)
            .set_expression_attribute_names($placeholders.names())
            .set_expression_attribute_values($placeholders.values())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }};
}

impl Store {
    /// Does one write; an update returns the item as it then is. Tried again here rather than by the SDK, so that
    /// a condition that fails after a lost reply is known as one that this write itself may have broken.
    pub(in crate::store) async fn write(&self, write: &Write) -> Result<Option<Item>, StoreError> {
        refuse_oversize(std::slice::from_ref(write))?;
        let mut backoff = Backoff::default();
        let mut tries = 1;
        let mut after_unknown = false;
        loop {
            match self.try_write(write).await {
                Ok(item) => return Ok(item),
                Err(Failure::Conflict) if backoff.pause().await => {}
                Err(Failure::Conflict) => return Err(StoreError::Contention),
                Err(Failure::ThrottledInside) => return Err(StoreError::Throttled),
                Err(Failure::Store(StoreError::ConditionFailed(mut failed))) => {
                    failed.after_unknown = after_unknown;
                    return Err(StoreError::ConditionFailed(failed));
                }
                Err(Failure::Store(error)) => {
                    let passes =
                        matches!(error, StoreError::Throttled | StoreError::Unreachable(_));
                    if !passes || tries == MAX_TRIES || !backoff.pause().await {
                        return Err(error);
                    }
                    after_unknown |= matches!(error, StoreError::Unreachable(_));
                    tries += 1;
                }
            }
        }
    }

    /// Does all writes or none.
    pub(super) async fn transact(&self, writes: &[Write]) -> Result<(), StoreError> {
        refuse_oversize(writes)?;
        let items = writes.iter().map(|write| self.transact_item(write));
        let items: Vec<_> = items
            .collect::<Result<_, _>>()
            .map_err(|error: BuildError| StoreError::Unexpected(error.into()))?;
        let mut backoff = Backoff::default();
        let mut tries = 1;
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
                Err(Failure::ThrottledInside) if tries < MAX_TRIES && backoff.pause().await => {
                    tries += 1;
                }
                Err(Failure::ThrottledInside) => return Err(StoreError::Throttled),
            }
        }
    }

    async fn try_write(&self, write: &Write) -> Result<Option<Item>, Failure> {
        let mut placeholders = Placeholders::default();
        let capacity = ReturnConsumedCapacity::Total;
        match write {
            Write::Put { item, condition } => {
                let put = self.once.put_item().table_name(&self.table);
                let put = put.set_item(Some(item.clone())).return_consumed_capacity(capacity);
                let put = conditional!(put, condition, placeholders);
                put.send().await.map(|_| None).map_err(of_write)
            }
            Write::Update { key, change, condition } => {
                let update = self.once.update_item().table_name(&self.table);
                let update = update
                    .set_key(Some(key.attributes()))
                    .update_expression(change.render(&mut placeholders))
                    .return_values(ReturnValue::AllNew)
                    .return_consumed_capacity(capacity);
                let update = conditional!(update, condition, placeholders);
                update.send().await.map(|output| output.attributes).map_err(of_write)
            }
            Write::Delete { key, condition } => {
                let delete = self.once.delete_item().table_name(&self.table);
                let delete =
                    delete.set_key(Some(key.attributes())).return_consumed_capacity(capacity);
                let delete = conditional!(delete, condition, placeholders);
                delete.send().await.map(|_| None).map_err(of_write)
            }
            Write::Check { .. } => {
                let cause = "a condition check can't be written alone";
                Err(Failure::Store(StoreError::Unexpected(cause.into())))
            }
        }
    }

    fn transact_item(&self, write: &Write) -> Result<TransactWriteItem, BuildError> {
        let mut placeholders = Placeholders::default();
        let item = TransactWriteItem::builder();
        let item = match write {
            Write::Put { item: stored, condition } => {
                let put = Put::builder().table_name(&self.table).set_item(Some(stored.clone()));
                item.put(conditional!(put, condition, placeholders).build()?)
            }
            Write::Update { key, change, condition } => {
                let update = Update::builder()
                    .table_name(&self.table)
                    .set_key(Some(key.attributes()))
                    .update_expression(change.render(&mut placeholders));
                item.update(conditional!(update, condition, placeholders).build()?)
            }
            Write::Delete { key, condition } => {
                let delete =
                    Delete::builder().table_name(&self.table).set_key(Some(key.attributes()));
                item.delete(conditional!(delete, condition, placeholders).build()?)
            }
            Write::Check { key, condition } => {
                let check = ConditionCheck::builder()
                    .table_name(&self.table)
                    .set_key(Some(key.attributes()));
                item.condition_check(conditional!(check, condition, placeholders).build()?)
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
