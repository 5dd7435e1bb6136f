//! Sends writes through the SDK. Retries on conflicts with other transactions, on throttling and on
//! missing responses.

use aws_sdk_dynamodb::{
    error::BuildError,
    types::{
        ConditionCheck, Delete, Put, ReturnConsumedCapacity, ReturnValue,
        ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
    },
};

use super::one::Write;
use crate::store::{
    Item, Store, StoreError,
    attributes::MAX_ITEM_BYTES,
    errors::{Failure, of_write},
    expression::{Change, Condition, Placeholders},
    keys::{Key, PK},
    metrics,
    retry::{Backoff, RetryBudget},
    throttling::ThrottlingReason,
};

/// The maximum number of attempts of a call that is throttled, gets no response or has its
/// signature refused. It equals the SDK's.
const MAX_TRIES: u8 = 3;

/// The maximum number of actions per transaction (AWS, "TransactWriteItems").
pub const MAX_ACTIONS: usize = 100;
/// The maximum total size of the items of a transaction (same source).
const MAX_TRANSACTION_BYTES: usize = 4 * 1024 * 1024;

/// The condition of an update of an item that may be missing.
const PRESENT: Condition = Condition::Has(PK);

/// Sets what every conditional write needs, for any builder type.
macro_rules! conditional {
    ($store:expr, $builder:expr, $condition:expr, $placeholders:expr) => {{
        let condition = $condition.render(&mut $placeholders);
        $builder
            .table_name(&$store.table)
            .condition_expression(condition)
            .set_expression_attribute_names($placeholders.names())
            .set_expression_attribute_values($placeholders.values())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }};
}

impl Store {
    /// Executes one write. An update returns the new state of the item.
    pub(in crate::store) async fn write(&self, write: &Write) -> Result<Option<Item>, StoreError> {
        check_bounds(std::slice::from_ref(write))?;
        let attempt = |_| self.try_write(write);
        until_known(write.operation(), &self.repeats, self.backoff(), attempt).await
    }

    /// Executes all writes or none.
    pub(super) async fn transact(&self, writes: &[Write]) -> Result<(), StoreError> {
        check_bounds(writes)?;
        let items = writes.iter().map(|write| self.transact_item(write));
        let items: Vec<_> = items.collect::<Result<_, BuildError>>()?;
        let transact = |token| {
            let transaction = self.once.transact_write_items().client_request_token(token);
            let transaction = transaction
                .set_transact_items(Some(items.clone()))
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            async { transaction.send().await.map(|_| ()).map_err(of_write) }
        };
        until_known("TransactWriteItems", &self.repeats, self.backoff(), transact).await
    }

    async fn try_write(&self, write: &Write) -> Result<Option<Item>, Failure> {
        let mut placeholders = Placeholders::default();
        let capacity = ReturnConsumedCapacity::Total;
        match write {
            Write::Put { item, condition } => {
                let put = self.once.put_item().set_item(Some(item.clone()));
                let put = conditional!(self, put, condition, placeholders);
                let put = put.return_consumed_capacity(capacity);
                put.send().await.map(|_| None).map_err(of_write)
            }
            Write::Update { key, change, condition } => {
                self.try_update(key, change, condition).await
            }
            Write::UpdateIfPresent { key, change } => self.try_update(key, change, &PRESENT).await,
            Write::Delete { key, condition } => {
                let delete = self.once.delete_item().set_key(Some(key.attributes()));
                let delete = conditional!(self, delete, condition, placeholders);
                let delete = delete.return_consumed_capacity(capacity);
                delete.send().await.map(|_| None).map_err(of_write)
            }
            Write::Check { .. } => {
                let cause = "a condition check needs a transaction";
                Err(Failure::Store(StoreError::Unexpected(cause.into())))
            }
        }
    }

    async fn try_update(
        &self,
        key: &Key,
        change: &Change,
        condition: &Condition,
    ) -> Result<Option<Item>, Failure> {
        let mut placeholders = Placeholders::default();
        let update = self.once.update_item().set_key(Some(key.attributes()));
        let update = update.update_expression(change.render(&mut placeholders));
        let update = conditional!(self, update, condition, placeholders);
        let update = update.return_values(ReturnValue::AllNew);
        let update = update.return_consumed_capacity(ReturnConsumedCapacity::Total);
        update.send().await.map(|output| output.attributes).map_err(of_write)
    }

    fn transact_item(&self, write: &Write) -> Result<TransactWriteItem, BuildError> {
        let mut placeholders = Placeholders::default();
        let item = TransactWriteItem::builder();
        let item = match write {
            Write::Put { item: stored, condition } => {
                let put = Put::builder().set_item(Some(stored.clone()));
                item.put(conditional!(self, put, condition, placeholders).build()?)
            }
            Write::Update { key, change, .. } | Write::UpdateIfPresent { key, change } => {
                let condition = match write {
                    Write::Update { condition, .. } => condition,
                    _ => &PRESENT,
                };
                let update = Update::builder()
                    .set_key(Some(key.attributes()))
                    .update_expression(change.render(&mut placeholders));
                item.update(conditional!(self, update, condition, placeholders).build()?)
            }
            Write::Delete { key, condition } => {
                let delete = Delete::builder().set_key(Some(key.attributes()));
                item.delete(conditional!(self, delete, condition, placeholders).build()?)
            }
            Write::Check { key, condition } => {
                let check = ConditionCheck::builder().set_key(Some(key.attributes()));
                item.condition_check(conditional!(self, check, condition, placeholders).build()?)
            }
        };
        Ok(item.build())
    }
}

/// Retries a write until its outcome is known, within the retry budget. This happens here and not
/// in the SDK: after a lost reply, a failed condition may be the effect of this write itself. An
/// attempt reuses the ClientRequestToken of the previous one if that one's reply was lost or
/// throttled. DynamoDB then reports whether it was executed.
async fn until_known<T, Attempt>(
    operation: &'static str,
    repeats: &RetryBudget,
    mut backoff: Backoff,
    attempt: impl Fn(String) -> Attempt,
) -> Result<T, StoreError>
where
    Attempt: Future<Output = Result<T, Failure>> + Send,
{
    let mut token = request_token();
    let mut failures = 0;
    let mut lost = false;
    loop {
        let error = match attempt(token.clone()).await {
            Ok(done) => {
                repeats.earn();
                return Ok(done);
            }
            Err(Failure::Conflict) => {
                token = request_token();
                StoreError::Contention
            }
            Err(Failure::ThrottledInside) => {
                token = request_token();
                failures += 1;
                StoreError::Throttled(ThrottlingReason::Other)
            }
            Err(Failure::Store(StoreError::ConditionFailed(mut failed))) => {
                repeats.earn();
                failed.after_unknown = lost;
                return Err(StoreError::ConditionFailed(failed));
            }
            Err(Failure::Store(
                error @ (StoreError::Throttled(_)
                | StoreError::Unreachable(_)
                | StoreError::SignatureRefused(_)),
            )) => {
                lost |= matches!(error, StoreError::Unreachable(_));
                failures += 1;
                error
            }
            Err(Failure::Store(error)) => return Err(unknown_if(lost, error)),
        };
        // A conflict proves that the database responds, so only time limits its retries.
        let may_repeat = || matches!(error, StoreError::Contention) || repeats.spend();
        if failures == MAX_TRIES || !may_repeat() || !backoff.pause().await {
            return Err(unknown_if(lost, error));
        }
        metrics::retried(operation, 1);
    }
}

/// After a lost reply, no error of a later attempt shows whether the write was executed.
fn unknown_if(lost: bool, error: StoreError) -> StoreError {
    match error {
        unknown @ StoreError::Unreachable(_) => unknown,
        known if lost => StoreError::Unreachable(known.into()),
        known => known,
    }
}

fn request_token() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// Refuses writes above DynamoDB's limits before they are sent.
fn check_bounds(writes: &[Write]) -> Result<(), StoreError> {
    let sizes = || writes.iter().map(Write::bytes);
    if let Some(bytes) = sizes().max().filter(|bytes| *bytes > MAX_ITEM_BYTES) {
        return Err(StoreError::TooLarge { bytes });
    }
    let (actions, bytes) = (writes.len(), sizes().sum());
    if actions > MAX_ACTIONS || bytes > MAX_TRANSACTION_BYTES {
        return Err(StoreError::TransactionTooLarge { actions, bytes });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::store::retry::BUDGET;

    /// Returns the outcome of a write whose attempts end like this, and the number of attempts.
    async fn after(
        repeats: &RetryBudget,
        tries: Vec<Result<(), StoreError>>,
    ) -> (Result<(), StoreError>, usize) {
        let number = tries.len();
        let tries = RefCell::new(tries.into_iter());
        // A `Send` future must not borrow the cell.
        let outcome = until_known("PutItem", repeats, Backoff::new(BUDGET), |_| {
            std::future::ready(tries.borrow_mut().next().unwrap().map_err(Failure::Store))
        });
        let outcome = outcome.await;
        (outcome, number - tries.borrow().len())
    }

    fn lost() -> Result<(), StoreError> {
        Err(StoreError::Unreachable("lost".into()))
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_lost_reply_only_a_success_makes_the_outcome_known() {
        let repeats = RetryBudget::default();
        let refused = StoreError::SignatureRefused("by another time".into());
        let throttled = StoreError::Throttled(ThrottlingReason::Other);
        for known in [StoreError::NotFound, throttled, refused] {
            let name = known.to_string();
            let (outcome, _) =
                after(&repeats, vec![lost(), Err(known), Err(StoreError::NotFound)]).await;
            assert!(matches!(outcome, Err(StoreError::Unreachable(_))), "{name}: {outcome:?}");
        }
        assert!(after(&repeats, vec![lost(), Ok(())]).await.0.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_are_limited_to_three_and_to_one_without_a_budget() {
        let repeats = RetryBudget::default();
        let throttled =
            || (0..4).map(|_| Err(StoreError::Throttled(ThrottlingReason::Other))).collect();
        assert_eq!(after(&repeats, throttled()).await.1, 3);
        while repeats.spend() {}
        let (outcome, tries) = after(&repeats, throttled()).await;
        assert!(matches!(outcome, Err(StoreError::Throttled(_))), "{outcome:?}");
        assert_eq!(tries, 1);
    }
}
