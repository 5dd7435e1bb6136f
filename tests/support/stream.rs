//! The table's stream as it is, and what works on it.

use aws_sdk_dynamodbstreams::{Client, types::ShardIteratorType};
use clinic_api::{
    events::Event,
    worker::{
        change::Change, change_record::ChangeRecord, dispatcher::Dispatcher, processor::Processor,
        sender::Sender,
    },
};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{TestApp, builder::AUDIT_RETENTION, wait::DEADLINE};

/// How long a receiver may take: far longer than a busy machine does. Tests let that time pass by themselves.
pub const TIMEOUT: Duration = DEADLINE;

impl TestApp {
    /// A client of the table's stream.
    pub fn streams(&self) -> Client {
        self.kept.streams.clone()
    }

    /// All changes that the stream has, shard by shard.
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

    /// All events that the stream tells of.
    pub async fn events(&self) -> Vec<Event> {
        let records = self.changes().await;
        let changes = records.iter().filter_map(|record| Change::of(record).unwrap());
        changes.filter_map(|change| change.event().unwrap()).collect()
    }

    /// Sends what is due to where `allowed` says, by the service's clock.
    pub fn dispatch(&self, allowed: &str) -> Dispatching {
        let sender = Sender::new(allowed.parse().unwrap(), TIMEOUT).unwrap();
        let poll = Duration::from_millis(20);
        let dispatcher = Dispatcher::new(
            self.store.clone(),
            self.keyring().webhook_secrets,
            sender,
            self.clock.clone(),
            poll,
        );
        let stop = CancellationToken::new();
        let told = stop.clone();
        Dispatching { stop, task: tokio::spawn(async move { dispatcher.run(told).await }) }
    }

    /// Works on all changes that the stream has.
    pub async fn process_changes(&self) {
        let processor = Processor::new(self.store.clone(), AUDIT_RETENTION);
        for outcome in processor.process_all(&self.changes().await).await {
            outcome.unwrap();
        }
    }
}

/// What sends deliveries.
pub struct Dispatching {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Dispatching {
    /// Ends it, with what is under way.
    pub fn abort(self) {
        self.task.abort();
    }

    /// Stops it, once what is under way has ended.
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}
