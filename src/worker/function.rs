//! The worker as a function of AWS Lambda: a batch of the stream in, and out which of it is to come again.

use std::sync::Arc;

use aws_lambda_events::{
    dynamodb::Event,
    streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse},
};
use serde_json::Value;

use super::processor::Processor;
use crate::{
    sensitive::TaskFailed,
    store::errors::{Cause, chain},
    stream::record::ChangeRecord,
};

/// Works on a batch. What the database keeps from being done is to come again, from the first of it on; what can't be
/// processed is put aside and does not.
///
/// The payload is read here and worked on in a task: Lambda's runtime would report what it can't read, and what a panic says.
///
/// # Errors
/// The payload is no batch of a stream, or the task panicked.
pub async fn handle(
    processor: Arc<Processor>,
    payload: Value,
) -> Result<DynamoDbEventResponse, Cause> {
    let batch: Event = serde_json::from_value(payload)?;
    let work = tokio::spawn(async move { process(&processor, batch).await });
    Ok(work.await.map_err(TaskFailed::from)?)
}

async fn process(processor: &Processor, batch: Event) -> DynamoDbEventResponse {
    let mut sequence_numbers = Vec::with_capacity(batch.records.len());
    let mut records = Vec::with_capacity(batch.records.len());
    for record in batch.records {
        sequence_numbers.push(record.change.sequence_number.clone());
        records.push(ChangeRecord::from(record));
    }
    let outcomes = processor.process_all(&records).await;
    let mut response = DynamoDbEventResponse::default();
    for (outcome, sequence_number) in outcomes.into_iter().zip(sequence_numbers) {
        if let Err(error) = outcome {
            tracing::warn!(
                stream.sequence_number = sequence_number,
                error.message = chain(&error),
                "a change is to come again"
            );
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = sequence_number;
            response.batch_item_failures.push(failure);
        }
    }
    response
}
