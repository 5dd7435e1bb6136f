//! Writes as the SDK sends them, tried again while other transactions have the same items in hand or no answer comes.

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
    metrics,
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
    /// Does one write; an update returns the item as it then is.
    pub(in crate::store) async fn write(&self, write: &Write) -> Result<Option<Item>, StoreError> {
        refuse_oversize(std::slice::from_ref(write))?;
        until_known(write.operation(), |_| self.try_write(write)).await
    }

    /// Does all writes or none.
    pub(super) async fn transact(&self, writes: &[Write]) -> Result<(), StoreError> {
        refuse_oversize(writes)?;
        let items = writes.iter().map(|write| self.transact_item(write));
        let items: Vec<_> = items
            .collect::<Result<_, _>>()
            .map_err(|error: BuildError| StoreError::Unexpected(error.into()))?;
        let transact = |token| {
            let transaction = self.once.transact_write_items().client_request_token(token);
            let transaction = transaction
                .set_transact_items(Some(items.clone()))
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            async { transaction.send().await.map(|_| ()).map_err(of_write) }
        };
        until_known("TransactWriteItems", transact).await
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

/// Tries a write until it is known what became of it. That is done here rather than by the SDK, so that what is refused
/// after a lost reply is known as what this write itself may have caused.
///
/// A try is given a ClientRequestToken, which it shares with the one before it if that one's reply was lost or throttled:
/// DynamoDB then tells whether it was done. What was cancelled comes with a new one.
async fn until_known<T, Attempt>(
    operation: &'static str,
    attempt: impl Fn(String) -> Attempt,
) -> Result<T, StoreError>
where
    Attempt: Future<Output = Result<T, Failure>> + Send,
{
    let mut backoff = Backoff::default();
    let mut token = request_token();
    let mut failures = 0;
    let mut lost = false;
    loop {
        let error = match attempt(token.clone()).await {
            Ok(done) => return Ok(done),
            Err(Failure::Conflict) => {
                token = request_token();
                StoreError::Contention
            }
            Err(Failure::ThrottledInside) => {
                token = request_token();
                failures += 1;
                StoreError::Throttled
            }
            Err(Failure::Store(StoreError::ConditionFailed(mut failed))) => {
                failed.after_unknown = lost;
                return Err(StoreError::ConditionFailed(failed));
            }
            Err(Failure::Store(error @ (StoreError::Throttled | StoreError::Unreachable(_)))) => {
                lost |= matches!(error, StoreError::Unreachable(_));
                failures += 1;
                error
            }
            Err(Failure::Store(error)) => return Err(error),
        };
        if failures == MAX_TRIES || !backoff.pause().await {
            return match error {
                StoreError::Unreachable(_) => Err(error),
                known if lost => Err(StoreError::Unreachable(known.into())),
                known => Err(known),
            };
        }
        metrics::retried(operation, 1);
    }
}

fn request_token() -> String {
    format!("{:032x}", rand::random::<u128>())
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
