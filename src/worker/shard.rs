//! One shard of the stream, from where it was left to its end.

use std::{sync::Arc, time::Duration};

use aws_sdk_dynamodbstreams::{
    Client,
    operation::{
        get_records::{GetRecordsError, GetRecordsOutput},
        get_shard_iterator::GetShardIteratorError,
    },
    types::ShardIteratorType,
};
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::{lease::Leases, metrics, processor::Processor, progress::Progress};
use crate::{store::StoreError, stream::record::ChangeRecord, time::Clock};

/// The most records of one read.
const RECORDS: i32 = 500;
/// The pause before the next read of a shard that had nothing, or would not answer.
const PAUSE: Duration = Duration::from_millis(250);
/// How long what needs no remembering may wait for it: the worker's own writes are in the stream as well, and remembering
/// each would make the next.
const REMEMBERED_EVERY: Duration = Duration::from_mins(1);

/// What reads shards.
#[derive(Clone)]
pub(super) struct ShardReader {
    pub(super) streams: Client,
    pub(super) stream_arn: String,
    pub(super) processor: Processor,
    pub(super) leases: Leases,
    pub(super) epoch: u64,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) progress: Progress,
}

/// Why a shard is not read to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum ShardError {
    #[error("the stream can't be read")]
    Stream(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("another worker reads the stream")]
    TakenOver,
}

impl ShardReader {
    /// Reads a shard until it has ended.
    pub(super) async fn read(&self, shard: &str) -> Result<(), ShardError> {
        let found = self.leases.checkpoint(shard).await?;
        if found.as_ref().is_some_and(|checkpoint| checkpoint.ended) {
            return Ok(());
        }
        self.progress.begin(shard, self.clock.now());
        let mut position = found.and_then(|checkpoint| checkpoint.sequence_number);
        let mut remembered = Instant::now();
        let mut iterator = self.iterator(shard, position.as_deref()).await?;
        loop {
            let asked = self.clock.now();
            let output = match self.records(&iterator).await? {
                Read::Records(output) => output,
                Read::IteratorExpired => {
                    iterator = self.iterator(shard, position.as_deref()).await?;
                    continue;
                }
                Read::Trimmed => {
                    tracing::error!(
                        shard,
                        "the stream had gone on before it was read: changes are lost"
                    );
                    metrics::trimmed();
                    iterator = self.iterator(shard, None).await?;
                    continue;
                }
            };
            let last = output.records().last().and_then(|record| record.dynamodb.as_ref());
            let last = last.and_then(|record| record.sequence_number.clone());
            let empty = output.records().is_empty();
            let next = output.next_shard_iterator.clone();
            let (done, up_to) = self.process(output).await;
            self.progress.done(shard, up_to.unwrap_or(asked));
            position = last.or(position);
            let due = !empty && remembered.elapsed() >= REMEMBERED_EVERY;
            if done || due || next.is_none() {
                self.remember(shard, position.clone(), next.is_none()).await?;
                remembered = Instant::now();
            }
            let Some(next) = next else {
                self.progress.end(shard);
                return Ok(());
            };
            iterator = next;
            if empty {
                sleep(PAUSE).await;
            }
        }
    }

    async fn remember(
        &self,
        shard: &str,
        position: Option<String>,
        ended: bool,
    ) -> Result<(), ShardError> {
        let ours = self.leases.save(self.epoch, shard, position, ended).await?;
        if ours { Ok(()) } else { Err(ShardError::TakenOver) }
    }

    /// Works on what was read until all of it is done; whether there was anything to do, and when the last of it happened.
    async fn process(&self, output: GetRecordsOutput) -> (bool, Option<Timestamp>) {
        let records = output.records.unwrap_or_default().into_iter();
        let records = records.filter_map(|record| match ChangeRecord::try_from(record) {
            Ok(record) => Some(record),
            Err(error) => {
                tracing::error!(cause = %error, "a record of the stream can't be read");
                metrics::record("failed");
                None
            }
        });
        let mut left: Vec<_> = records.collect();
        let up_to = left.last().map(|last| last.at);
        let mut anything = false;
        loop {
            let outcomes = self.processor.process_all(&left).await;
            anything |= outcomes.iter().any(|outcome| *outcome.as_ref().unwrap_or(&true));
            let mut failed = outcomes.iter().map(Result::is_err);
            left.retain(|_| failed.next().unwrap_or(false));
            if left.is_empty() {
                return (anything, up_to);
            }
            if let Some(error) = outcomes.into_iter().find_map(Result::err) {
                tracing::warn!(cause = %error, waiting = left.len(), "changes wait for the table");
            }
            sleep(PAUSE * 4).await;
        }
    }

    async fn iterator(&self, shard: &str, after: Option<&str>) -> Result<String, ShardError> {
        let request =
            self.streams.get_shard_iterator().stream_arn(&self.stream_arn).shard_id(shard);
        let request = match after {
            Some(position) => request
                .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
                .sequence_number(position),
            None => request.shard_iterator_type(ShardIteratorType::TrimHorizon),
        };
        match request.send().await {
            Ok(output) => output
                .shard_iterator
                .ok_or_else(|| ShardError::Stream("a shard has no iterator".into())),
            Err(error)
                if after.is_some()
                    && error
                        .as_service_error()
                        .is_some_and(GetShardIteratorError::is_trimmed_data_access_exception) =>
            {
                tracing::error!(
                    shard,
                    "the stream had gone on before it was read: changes are lost"
                );
                metrics::trimmed();
                Box::pin(self.iterator(shard, None)).await
            }
            Err(error) => Err(ShardError::Stream(error.into())),
        }
    }

    async fn records(&self, iterator: &str) -> Result<Read, ShardError> {
        let read = self.streams.get_records().shard_iterator(iterator).limit(RECORDS).send().await;
        let error = match read {
            Ok(output) => return Ok(Read::Records(output)),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(GetRecordsError::ExpiredIteratorException(_)) => Ok(Read::IteratorExpired),
            Some(GetRecordsError::TrimmedDataAccessException(_)) => Ok(Read::Trimmed),
            _ => Err(ShardError::Stream(error.into())),
        }
    }
}

enum Read {
    Records(GetRecordsOutput),
    IteratorExpired,
    Trimmed,
}
