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
use crate::{
    sensitive::LogSafe,
    store::{
        StoreError,
        errors::{Cause, chain},
    },
    stream::record::ChangeRecord,
    time::Clock,
};

/// The most records of one read.
const AT_ONCE: usize = 500;
/// The pause before the next read of a shard that had not all that could be read at once: a shard may be read five times a
/// second.
const PAUSE: Duration = Duration::from_millis(250);
/// How often in a row a shard may fail to answer, until its reader gives up and begins again where it is remembered.
const FAILURES: u32 = 8;
/// The longest pause after a failure; they begin with [`PAUSE`] and double.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
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
    Stream(#[source] Cause),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("another worker reads the stream")]
    TakenOver,
}

impl LogSafe for ShardError {}

impl ShardReader {
    /// Reads a shard until it has ended. `lost_parent` is its parent, if the stream has that no more.
    pub(super) async fn read(
        &self,
        shard: &str,
        lost_parent: Option<&str>,
    ) -> Result<(), ShardError> {
        let found = self.leases.checkpoint(shard).await?;
        if found.as_ref().is_some_and(|checkpoint| checkpoint.ended) {
            return Ok(());
        }
        if let (None, Some(parent)) = (&found, lost_parent) {
            self.look_for_a_gap(shard, parent).await?;
        }
        self.progress.begin(shard, self.clock.now());
        let mut position = found.and_then(|checkpoint| checkpoint.sequence_number);
        let mut remembered = Instant::now();
        let mut iterator = None;
        let mut failures = 0;
        loop {
            let asked = self.clock.now();
            let output = match self.records(shard, position.as_deref(), iterator.take()).await {
                Ok(Read::Records(output)) => output,
                Ok(Read::IteratorExpired) => continue,
                Ok(Read::Trimmed) => {
                    note_gap(shard);
                    position = None;
                    continue;
                }
                Err(error) if failures < FAILURES => {
                    tracing::debug!(
                        stream.shard = shard,
                        error.message = chain(&error),
                        "a shard is asked again"
                    );
                    let pause = (PAUSE * 2_u32.pow(failures)).min(LONGEST_PAUSE);
                    sleep(pause.mul_f64(rand::random_range(0.75..1.25))).await;
                    failures += 1;
                    continue;
                }
                Err(error) => return Err(error),
            };
            failures = 0;
            let last = output.records().last().and_then(|record| record.dynamodb.as_ref());
            let last = last.and_then(|record| record.sequence_number.clone());
            let read = output.records().len();
            iterator.clone_from(&output.next_shard_iterator);
            let (done, up_to) = self.process(output).await;
            self.progress.done(shard, up_to.unwrap_or(asked));
            position = last.or(position);
            let due = read > 0 && remembered.elapsed() >= REMEMBERED_EVERY;
            let ended = iterator.is_none();
            if done || due || ended {
                self.remember(shard, position.clone(), ended).await?;
                remembered = Instant::now();
            }
            if ended {
                self.progress.end(shard);
                return Ok(());
            }
            if read < AT_ONCE {
                sleep(PAUSE).await;
            }
        }
    }

    /// Tells of a loss if a shard is begun whose parent left the stream before it was read to its end; of who reads the
    /// stream for the first time, nothing of before is expected.
    async fn look_for_a_gap(&self, shard: &str, parent: &str) -> Result<(), ShardError> {
        let parent_was_read =
            self.leases.checkpoint(parent).await?.is_some_and(|parent| parent.ended);
        if self.epoch > 1 && !parent_was_read {
            note_gap(shard);
        }
        // It is told once.
        self.remember(shard, None, false).await
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
                tracing::error!(error.message = %error, "a record of the stream can't be read");
                metrics::record("failed");
                None
            }
        });
        let mut left: Vec<_> = records.collect();
        let up_to = left.last().map(|last| last.at);
        let mut anything = false;
        let mut pause = PAUSE * 4;
        loop {
            let outcomes = self.processor.process_all(&left).await;
            anything |= outcomes.iter().any(|outcome| *outcome.as_ref().unwrap_or(&true));
            let mut failed = outcomes.iter().map(Result::is_err);
            left.retain(|_| failed.next().unwrap_or(false));
            if left.is_empty() {
                return (anything, up_to);
            }
            if let Some(error) = outcomes.into_iter().find_map(Result::err) {
                tracing::warn!(
                    error.message = chain(&error),
                    changes.waiting = left.len(),
                    "changes wait for the table"
                );
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
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
                note_gap(shard);
                Box::pin(self.iterator(shard, None)).await
            }
            Err(error) => Err(ShardError::Stream(Cause::of_call(&error))),
        }
    }

    /// Reads on by an iterator, or by a new one from behind `after`.
    async fn records(
        &self,
        shard: &str,
        after: Option<&str>,
        iterator: Option<String>,
    ) -> Result<Read, ShardError> {
        let iterator = match iterator {
            Some(iterator) => iterator,
            None => self.iterator(shard, after).await?,
        };
        let limit = i32::try_from(AT_ONCE).unwrap_or(i32::MAX);
        let read = self.streams.get_records().shard_iterator(iterator).limit(limit).send().await;
        let error = match read {
            Ok(output) => return Ok(Read::Records(output)),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(GetRecordsError::ExpiredIteratorException(_)) => Ok(Read::IteratorExpired),
            Some(GetRecordsError::TrimmedDataAccessException(_)) => Ok(Read::Trimmed),
            _ => Err(ShardError::Stream(Cause::of_call(&error))),
        }
    }
}

fn note_gap(shard: &str) {
    tracing::error!(
        stream.shard = shard,
        "the stream had gone on before it was read: changes are lost"
    );
    metrics::trimmed();
}

enum Read {
    Records(GetRecordsOutput),
    IteratorExpired,
    Trimmed,
}

#[cfg(all(test, feature = "embedded"))]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;
    use crate::{
        store::{Store, embedded::Engine},
        time::SystemClock,
    };

    /// The engines here keep every shard, so what DynamoDB does to a stream that nobody reads for a day is staged.
    #[tokio::test]
    async fn a_shard_whose_parent_went_unread_tells_of_a_loss_once() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let shown = recorder.handle();
        let _guard = ::metrics::set_default_local_recorder(&recorder);
        let lost = || shown.render().contains("clinic_api_stream_trimmed_total 1");
        let engine = Engine::in_memory().unwrap();
        let store = Store::new(engine.client(), "clinic");
        store.create_table().await.unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let lease = |name: &str| {
            let (store, clock) = (store.clone(), clock.clone());
            Leases::new(store, clock, "stream".to_owned(), name.to_owned(), Duration::from_secs(9))
        };
        let reader = |epoch| ShardReader {
            streams: engine.streams(),
            stream_arn: String::new(),
            processor: Processor::new(store.clone()),
            leases: lease("a"),
            epoch,
            clock: clock.clone(),
            progress: Progress::default(),
        };
        reader(1).look_for_a_gap("first", "before-the-first-worker").await.unwrap();
        let leases = lease("b");
        assert!(leases.checkpoint("first").await.unwrap().is_some(), "it is asked once");
        leases.save(2, "read", None, true).await.unwrap();
        reader(2).look_for_a_gap("second", "read").await.unwrap();
        assert!(!lost(), "{}", shown.render());
        reader(2).look_for_a_gap("third", "unread").await.unwrap();
        assert!(lost(), "{}", shown.render());
    }
}
