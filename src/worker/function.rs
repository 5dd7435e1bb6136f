//! The worker as a function of AWS Lambda: it gets a batch of the stream, and returns what of it AWS Lambda has to send again.

use std::sync::Arc;

use aws_lambda_events::{
    dynamodb::Event,
    streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse},
};
use serde_json::Value;

use super::{change_record::ChangeRecord, processor::Processor};
use crate::{
    sensitive::TaskFailed,
    store::errors::{Cause, chain},
};

/// Processes a batch. Changes that the database refuses for now are to come again, from the first of them on; changes that can't
/// be processed become dead letters.
///
/// The payload is read here and processed in a task: Lambda's runtime would report text that it can't read, and a panic's.
pub async fn handle(
    processor: Arc<Processor>,
    payload: Value,
) -> Result<DynamoDbEventResponse, Cause> {
    let batch: Event = serde_json::from_value(payload)?;
    let work = tokio::spawn(async move { process(&processor, batch).await });
    Ok(work.await.map_err(TaskFailed::from)?)
}

async fn process(processor: &Processor, batch: Event) -> DynamoDbEventResponse {
    let records = batch.records.into_iter();
    let (sequence_numbers, records): (Vec<_>, Vec<_>) = records
        .map(|record| (record.change.sequence_number.clone(), ChangeRecord::from(record)))
        .unzip();
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
