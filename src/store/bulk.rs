//! Unconditional batch writes, for operators who fill a table. Requests do not use them.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::types::{PutRequest, ReturnConsumedCapacity, WriteRequest};
use tokio::time::sleep;

use super::{
    Item, Store, StoreError, errors::of_read, scan::patiently, throttling::ThrottlingReason,
};

/// The maximum number of items per BatchWriteItem (AWS, "BatchWriteItem").
pub const BATCH: usize = 25;

/// The maximum number of consecutive calls of which DynamoDB processes no item.
const TRIES: u32 = 10;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

impl Store {
    /// Stores at most [`BATCH`] items, each independently, and retries unprocessed ones. After an
    /// error, some may be stored.
    pub async fn put_batch(&self, items: Vec<Item>) -> Result<(), StoreError> {
        let requests = items.into_iter().map(|item| {
            let put = PutRequest::builder().set_item(Some(item)).build()?;
            Ok(WriteRequest::builder().put_request(put).build())
        });
        let mut left: Vec<_> = requests.collect::<Result<_, StoreError>>()?;
        let (mut tries, mut pause) = (0, FIRST_PAUSE);
        loop {
            let sent = left.len();
            left = patiently(|| self.send_batch(left.clone())).await?;
            if left.is_empty() {
                return Ok(());
            }
            if left.len() < sent {
                (tries, pause) = (0, FIRST_PAUSE);
            }
            tries += 1;
            if tries == TRIES {
                return Err(StoreError::Throttled(ThrottlingReason::Other));
            }
            sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Sends a batch and returns the unprocessed items.
    async fn send_batch(&self, puts: Vec<WriteRequest>) -> Result<Vec<WriteRequest>, StoreError> {
        let batch = self
            .client
            .batch_write_item()
            .set_request_items(Some(HashMap::from([(self.table.clone(), puts)])))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let output = batch.send().await.map_err(of_read)?;
        let mut left = output.unprocessed_items.unwrap_or_default();
        Ok(left.remove(&self.table).unwrap_or_default())
    }
}
