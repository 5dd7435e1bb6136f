//! The table's stream, and the parts of the worker that process it.

use aws_sdk_dynamodbstreams::{Client, types::ShardIteratorType};
use clinic_api::{
    events::Event,
    worker::{
        change::Change,
        change_record::ChangeRecord,
        dispatcher::{Dispatcher, Pace},
        heartbeats::Heartbeats,
        processor::Processor,
        sender::Sender,
    },
};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{TestApp, builder::AUDIT_RETENTION, wait::DEADLINE};

/// The timeout of a receiver: longer than a busy machine needs. Tests advance the time themselves.
pub const TIMEOUT: Duration = DEADLINE;

impl TestApp {
    /// A client of the table's stream.
    pub fn streams(&self) -> Client {
        self.kept.streams.clone()
    }

    /// All changes in the stream, shard by shard.
    pub async fn changes(&self) -> Vec<ChangeRecord> {
        let (streams, mut records) = (self.streams(), Vec::new());
        let arn = self.store.stream_arn().await.unwrap().unwrap();
        let described = streams.describe_stream().stream_arn(&arn).send().await.unwrap();
        for shard in described.stream_description.unwrap().shards.unwrap() {
            let iterator = streams.get_shard_iterator().stream_arn(&arn);
            let iterator = iterator.shard_id(shard.shard_id.unwrap());
            let iterator = iterator.shard_iterator_type(ShardIteratorType::TrimHorizon);
            let mut iterator = iterator.send().await.unwrap().shard_iterator;
            while let Some(at) = iterator {
                let read = streams.get_records().shard_iterator(at).send().await.unwrap();
                let read_now = read.records.unwrap_or_default();
                iterator = read.next_shard_iterator.filter(|_| !read_now.is_empty());
                records.extend(read_now.into_iter().map(|record| record.try_into().unwrap()));
            }
        }
        records
    }

    /// All events that follow from the stream.
    pub async fn events(&self) -> Vec<Event> {
        let records = self.changes().await;
        let changes = records.iter().filter_map(|record| Change::of(record).unwrap());
        changes.filter_map(|change| change.event().unwrap()).collect()
    }

    /// Starts to send due deliveries to the `allowed` hosts, by the service's clock.
    pub fn dispatch(&self, allowed: &str) -> Dispatching {
        let sender = Sender::new(allowed.parse().unwrap(), TIMEOUT).unwrap();
        let pace = Pace { poll: Duration::from_millis(500), lease: Duration::from_secs(3) };
        let dispatcher = Dispatcher::new(
            self.store.clone(),
            self.keyring().webhook_secrets,
            sender,
            self.clock.clone(),
            pace,
            AUDIT_RETENTION,
            Heartbeats::default(),
        );
        let stop = CancellationToken::new();
        let told = stop.clone();
        Dispatching { stop, task: tokio::spawn(async move { dispatcher.run(told).await }) }
    }

    /// A processor of changes without a time limit.
    pub fn processor(&self) -> Processor {
        Processor::new(self.store.clone(), AUDIT_RETENTION).with_budget(DEADLINE)
    }

    /// Processes all changes in the stream.
    pub async fn process_changes(&self) {
        for outcome in self.processor().process_all(&self.changes().await).await {
            outcome.unwrap();
        }
    }
}

/// A running dispatcher of deliveries.
pub struct Dispatching {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Dispatching {
    /// Aborts it, with the attempts in progress.
    pub fn abort(self) {
        self.task.abort();
    }

    /// Stops it after the attempts in progress have ended.
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}
