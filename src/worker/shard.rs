//! Reads one shard of the stream, from its checkpoint to its end.

use std::time::Duration;

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

use super::{
    backoff::Backoff,
    change_record::ChangeRecord,
    heartbeats::{Heartbeats, STREAM},
    lease::Leases,
    metrics,
    processor::Processor,
    progress::Progress,
};
use crate::{
    sensitive::{LogSafe, TaskFailed},
    store::{
        StoreError,
        errors::{Cause, chain},
    },
};

/// The maximum number of records per read.
const LIMIT: usize = 500;
/// The pause after a read that was not full: a shard may be read five times a second. It is also
/// the first pause after a failure.
const PAUSE: Duration = Duration::from_millis(250);
/// The number of consecutive failures after which the reader gives up and restarts at the
/// checkpoint.
const FAILURES: u32 = 8;
/// The first pause after the table has refused the changes of a read.
const TABLE_PAUSE: Duration = Duration::from_secs(1);
/// The maximum age of a checkpoint while records need no processing. The worker's own writes are in
/// the stream as well, so a checkpoint after each of them would cause the next one.
const CHECKPOINT_EVERY: Duration = Duration::from_mins(1);

#[derive(Clone)]
pub(super) struct ShardReader {
    pub(super) streams: Client,
    pub(super) stream_arn: String,
    pub(super) processor: Processor,
    pub(super) leases: Leases,
    pub(super) epoch: u64,
    pub(super) progress: Progress,
    pub(super) heartbeats: Heartbeats,
}

/// The error of reading the stream or one of its shards.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error("the table has no stream")]
    NoStream,
    #[error("the stream can't be read")]
    Stream(#[source] Cause),
    #[error("the iterator has expired")]
    Expired,
    #[error("the shard was trimmed")]
    Trimmed,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("another worker reads the stream")]
    TakenOver,
    #[error("a shard's reader panicked")]
    Panicked(#[source] TaskFailed),
}

impl LogSafe for ReadError {}

impl ShardReader {
    /// Reads a shard to its end. `lost_parent` is its parent, if the stream no longer has it.
    pub(super) async fn read(
        &self,
        shard: &str,
        lost_parent: Option<&str>,
    ) -> Result<(), ReadError> {
        let found = self.leases.checkpoint(shard).await?;
        if found.as_ref().is_some_and(|checkpoint| checkpoint.ended) {
            return Ok(());
        }
        if let (None, Some(parent)) = (&found, lost_parent) {
            self.check_for_gap(shard, parent).await?;
        }
        self.progress.begin(shard, self.leases.clock.now());
        let mut position = found.and_then(|checkpoint| checkpoint.sequence_number);
        let mut saved = Instant::now();
        let mut iterator = None;
        let mut backoff = Backoff::new(PAUSE, FAILURES);
        loop {
            let asked = self.leases.clock.now();
            let output = match self.records(shard, position.as_deref(), iterator.take()).await {
                Ok(output) => output,
                Err(ReadError::Expired) => continue,
                Err(ReadError::Trimmed) => {
                    report_gap(shard);
                    position = None;
                    continue;
                }
                Err(error) => {
                    if !backoff.pause().await {
                        return Err(error);
                    }
                    let cause = chain(&error);
                    tracing::debug!(
                        stream.shard = shard,
                        error.message = cause,
                        "reading a shard failed; retrying"
                    );
                    continue;
                }
            };
            backoff = Backoff::new(PAUSE, FAILURES);
            self.progress.read();
            let last = output.records().last().and_then(|record| record.dynamodb.as_ref());
            let last = last.and_then(|record| record.sequence_number.clone());
            let read = output.records().len();
            iterator.clone_from(&output.next_shard_iterator);
            let (anything, up_to) = self.process(output).await;
            self.progress.done(shard, up_to.unwrap_or(asked));
            self.heartbeats.beat(STREAM, self.leases.clock.now());
            position = last.or(position);
            let due = read > 0 && saved.elapsed() >= CHECKPOINT_EVERY;
            let ended = iterator.is_none();
            if anything || due || ended {
                self.save(shard, position.clone(), ended).await?;
                saved = Instant::now();
            }
            if ended {
                self.progress.end(shard);
                return Ok(());
            }
            if read < LIMIT {
                sleep(PAUSE).await;
            }
        }
    }

    /// Reports a loss if the shard's parent left the stream before it was fully read. The first
    /// reader of the stream does not count earlier changes as lost.
    async fn check_for_gap(&self, shard: &str, parent: &str) -> Result<(), ReadError> {
        let parent = self.leases.checkpoint(parent).await?;
        if self.epoch > 1 && !parent.is_some_and(|parent| parent.ended) {
            report_gap(shard);
        }
        // The checkpoint ensures that the loss is reported once.
        self.save(shard, None, false).await
    }

    async fn save(
        &self,
        shard: &str,
        position: Option<String>,
        ended: bool,
    ) -> Result<(), ReadError> {
        let ours = self.leases.save(self.epoch, shard, position, ended).await?;
        ours.then_some(()).ok_or(ReadError::TakenOver)
    }

    /// Processes the records of a read until all are done. Returns whether there was anything to
    /// do, and the time of the last record.
    async fn process(&self, output: GetRecordsOutput) -> (bool, Option<Timestamp>) {
        let records = output.records.unwrap_or_default().into_iter();
        let records = records.filter_map(|record| match ChangeRecord::try_from(record) {
            Ok(record) => Some(record),
            Err(error) => {
                tracing::error!(error.message = %error, "a stream record can't be read");
                metrics::record("failed");
                None
            }
        });
        let mut waiting: Vec<_> = records.collect();
        let up_to = waiting.last().map(|last| last.at);
        let mut anything = false;
        let mut backoff = Backoff::new(TABLE_PAUSE, u32::MAX);
        loop {
            let outcomes = self.processor.process_all(&waiting).await;
            anything |= outcomes.iter().any(|outcome| *outcome.as_ref().unwrap_or(&true));
            let mut failed = outcomes.iter().map(Result::is_err);
            waiting.retain(|_| failed.next().unwrap_or(false));
            let Some(error) = outcomes.into_iter().find_map(Result::err) else {
                return (anything, up_to);
            };
            tracing::warn!(
                error.message = chain(&error),
                changes.waiting = waiting.len(),
                "changes are waiting to be processed"
            );
            backoff.pause().await;
        }
    }

    /// Reads records with an iterator, or with a new one after the sequence number `after`.
    async fn records(
        &self,
        shard: &str,
        after: Option<&str>,
        iterator: Option<String>,
    ) -> Result<GetRecordsOutput, ReadError> {
        let iterator = match iterator {
            Some(iterator) => iterator,
            None => self.iterator(shard, after).await?,
        };
        let limit = i32::try_from(LIMIT).unwrap_or(i32::MAX);
        let read = self.streams.get_records().shard_iterator(iterator).limit(limit).send().await;
        read.map_err(|error| match error.as_service_error() {
            Some(GetRecordsError::ExpiredIteratorException(_)) => ReadError::Expired,
            Some(GetRecordsError::TrimmedDataAccessException(_)) => ReadError::Trimmed,
            _ => ReadError::Stream(Cause::of_call(&error)),
        })
    }

    /// Returns an iterator that starts after the sequence number `after`, or at the start of the
    /// shard.
    async fn iterator(&self, shard: &str, after: Option<&str>) -> Result<String, ReadError> {
        let start = match after {
            Some(_) => ShardIteratorType::AfterSequenceNumber,
            None => ShardIteratorType::TrimHorizon,
        };
        let request =
            self.streams.get_shard_iterator().stream_arn(&self.stream_arn).shard_id(shard);
        let request = request.shard_iterator_type(start);
        let output = request.set_sequence_number(after.map(str::to_owned)).send().await;
        let output = output.map_err(|error| match error.as_service_error() {
            Some(GetShardIteratorError::TrimmedDataAccessException(_)) if after.is_some() => {
                ReadError::Trimmed
            }
            _ => ReadError::Stream(Cause::of_call(&error)),
        })?;
        output.shard_iterator.ok_or_else(|| ReadError::Stream("a shard has no iterator".into()))
    }
}

fn report_gap(shard: &str) {
    tracing::error!(
        stream.shard = shard,
        "stream records expired before they were read: changes are lost"
    );
    metrics::trimmed();
}

#[cfg(all(test, feature = "embedded"))]
mod tests {
    use std::sync::Arc;

    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;
    use crate::{
        store::{Store, embedded::Engine},
        time::{Retention, SystemClock},
    };

    /// The engines in tests keep every shard, so the test simulates a stream that was not read for
    /// a day.
    #[tokio::test]
    async fn a_shard_whose_parent_was_not_read_reports_a_loss_once() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let shown = recorder.handle();
        let _guard = ::metrics::set_default_local_recorder(&recorder);
        let lost = || shown.render().contains("clinic_api_stream_trimmed_total 1");
        let engine = Engine::in_memory().unwrap();
        let store = Store::new(engine.client(), "clinic");
        store.create_table().await.unwrap();
        let leases = |owner: &str| Leases {
            store: store.clone(),
            clock: Arc::new(SystemClock),
            owner: owner.to_owned(),
            length: Duration::from_secs(9),
        };
        let reader = |epoch| ShardReader {
            streams: engine.streams(),
            stream_arn: String::new(),
            processor: Processor::new(store.clone(), Retention::TEN_YEARS),
            leases: leases("a"),
            epoch,
            progress: Progress::default(),
            heartbeats: Heartbeats::default(),
        };
        reader(1).check_for_gap("first", "before-the-first-worker").await.unwrap();
        let leases = leases("b");
        assert!(leases.checkpoint("first").await.unwrap().is_some(), "the checkpoint exists");
        leases.save(2, "read", None, true).await.unwrap();
        reader(2).check_for_gap("second", "read").await.unwrap();
        assert!(!lost(), "{}", shown.render());
        reader(2).check_for_gap("third", "unread").await.unwrap();
        assert!(lost(), "{}", shown.render());
    }
}
