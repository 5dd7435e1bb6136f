//! The worker as an AWS Lambda function. It processes a batch of stream records and returns the
//! records that AWS Lambda must send again.

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

/// Processes a batch. Changes that the database refuses for now are reported as failed, so that AWS
/// Lambda retries from the first of them. Changes that can't be processed become dead letters.
///
/// The payload is parsed here and processed in a task. Otherwise the Lambda runtime would log
/// unparsable payloads and panic messages, which may hold patient data.
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
                "a change was not processed; AWS Lambda retries it"
            );
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = sequence_number;
            response.batch_item_failures.push(failure);
        }
    }
    response
}
