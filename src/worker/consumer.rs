//! Reads the stream: one worker at a time, shard by shard, a parent before its children.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use aws_sdk_dynamodbstreams::{Client, types::Shard};
use tokio::{
    select,
    task::JoinSet,
    time::{Instant, interval, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    lease::{Held, Leases},
    metrics,
    processor::Processor,
    progress::Progress,
    shard::{ShardError, ShardReader},
};
use crate::{
    sensitive::{LogSafe, TaskFailed},
    store::{
        Store, StoreError,
        errors::{Cause, chain},
    },
    time::Clock,
};

/// How often it is asked which shards there are.
const DISCOVERY: Duration = Duration::from_secs(5);
/// Each so many times it is asked as well which stream the table has.
const ROUNDS_OF_A_STREAM: u32 = 12;

/// Why the stream is not read.
#[derive(Debug, thiserror::Error)]
enum ConsumerError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the table has no stream")]
    NoStream,
    #[error("the stream can't be described")]
    Undescribed(#[source] Cause),
    #[error("a shard's reader broke")]
    Reader(#[source] TaskFailed),
}

impl LogSafe for ConsumerError {}

/// Reads the stream of a table.
pub struct Consumer {
    store: Store,
    streams: Client,
    leases: Leases,
    clock: Arc<dyn Clock>,
}

impl Consumer {
    /// Reads the stream of the store's table through `streams`, while it holds the lease.
    #[must_use]
    pub fn new(store: Store, streams: Client, leases: Leases, clock: Arc<dyn Clock>) -> Self {
        Self { store, streams, leases, clock }
    }

    /// Reads until it is told to stop. What keeps it from reading is logged, and it tries again.
    pub async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let held = select! {
                () = stop.cancelled() => return,
                held = self.leases.acquire() => held,
            };
            let outcome = match held {
                Ok(held) => self.lead(held, &stop).await,
                Err(error) => Err(error.into()),
            };
            if let Err(error) = outcome {
                tracing::error!(error.message = chain(&error), "the stream is not read");
                select! {
                    () = stop.cancelled() => {}
                    () = sleep(DISCOVERY) => {}
                }
            }
        }
    }

    async fn lead(&self, held: Held, stop: &CancellationToken) -> Result<(), ConsumerError> {
        tracing::info!(lease.epoch = held.epoch(), "reading the stream");
        metrics::leads(true);
        let epoch = held.epoch();
        let (outcome, held) = select! {
            held = self.hold(held, stop) => (Ok(()), held),
            outcome = self.read(epoch) => (outcome, None),
        };
        metrics::leads(false);
        metrics::iterator_age(Duration::ZERO);
        if let Some(held) = held {
            self.leases.release(&held).await?;
        }
        outcome
    }

    /// Renews the lease until it is told to stop; then the lease, and nothing once it is lost.
    async fn hold(&self, mut held: Held, stop: &CancellationToken) -> Option<Held> {
        let mut renewed = Instant::now();
        loop {
            select! {
                () = stop.cancelled() => return Some(held),
                () = sleep(self.leases.length() / 3) => {}
            }
            match self.leases.renew(&held).await {
                Ok(Some(longer)) => {
                    held = longer;
                    renewed = Instant::now();
                }
                Ok(None) => {
                    tracing::warn!("another worker has taken over");
                    return None;
                }
                // Others wait as long as the lease is; who can't renew it for that long no longer has it.
                Err(error) if renewed.elapsed() >= self.leases.length() => {
                    tracing::error!(error.message = chain(&error), "the lease can't be renewed");
                    return None;
                }
                Err(_) => {}
            }
        }
    }

    /// Reads one stream of the table after the other, until another worker has taken over.
    async fn read(&self, epoch: u64) -> Result<(), ConsumerError> {
        while let After::AnotherStream = self.read_stream(epoch).await? {
            tracing::warn!("the table has another stream than before");
        }
        Ok(())
    }

    async fn read_stream(&self, epoch: u64) -> Result<After, ConsumerError> {
        let stream_arn = self.store.stream_arn().await?.ok_or(ConsumerError::NoStream)?;
        let reader = ShardReader {
            streams: self.streams.clone(),
            stream_arn: stream_arn.clone(),
            processor: Processor::new(self.store.clone()),
            leases: self.leases.clone(),
            epoch,
            clock: self.clock.clone(),
            progress: Progress::default(),
        };
        let mut running: JoinSet<(String, Result<(), ShardError>)> = JoinSet::new();
        let (mut started, mut ended) = (HashSet::new(), HashSet::new());
        // Of those that failed, read again with the next tick.
        let mut failed = Vec::new();
        let mut parents = HashMap::new();
        let mut discovery = interval(DISCOVERY);
        let mut rounds = 0;
        loop {
            select! {
                _ = discovery.tick() => {
                    rounds += 1;
                    if rounds % ROUNDS_OF_A_STREAM == 0
                        && running.is_empty()
                        && self.store.stream_arn().await?.is_some_and(|now| now != stream_arn)
                    {
                        return Ok(After::AnotherStream);
                    }
                    match self.shards(&stream_arn).await {
                        Ok(shards) => {
                            parents = parents_of(shards);
                            let known = parents.keys().cloned().collect();
                            reader.progress.described(&known, self.clock.now());
                        }
                        Err(error) => {
                            tracing::warn!(error.message = chain(&error), "new shards are looked for later");
                        }
                    }
                    for shard in failed.drain(..) {
                        started.remove(&shard);
                    }
                    metrics::iterator_age(reader.progress.age(self.clock.now()));
                }
                Some(joined) = running.join_next() => {
                    let (shard, outcome) =
                        joined.map_err(|error| ConsumerError::Reader(error.into()))?;
                    match outcome {
                        Ok(()) => {
                            ended.insert(shard);
                        }
                        Err(ShardError::TakenOver) => return Ok(After::TakenOver),
                        Err(error) => {
                            tracing::warn!(stream.shard = shard, error.message = chain(&error), "a shard is read again");
                            failed.push(shard);
                        }
                    }
                }
            }
            for (shard, lost_parent) in readable(&parents, &ended) {
                if started.insert(shard.clone()) {
                    let reader = reader.clone();
                    running.spawn(async move {
                        let outcome = reader.read(&shard, lost_parent.as_deref()).await;
                        (shard, outcome)
                    });
                }
            }
        }
    }

    async fn shards(&self, stream_arn: &str) -> Result<Vec<Shard>, ConsumerError> {
        let mut shards = Vec::new();
        let mut after = None;
        loop {
            let page = self.streams.describe_stream().stream_arn(stream_arn);
            let page = page.set_exclusive_start_shard_id(after).send().await;
            let page = page.map_err(|error| ConsumerError::Undescribed(Cause::of_call(&error)))?;
            let Some(stream) = page.stream_description else {
                return Ok(shards);
            };
            shards.extend(stream.shards.unwrap_or_default());
            after = stream.last_evaluated_shard_id;
            if after.is_none() {
                return Ok(shards);
            }
        }
    }
}

/// Why a stream is read no more.
enum After {
    TakenOver,
    AnotherStream,
}

/// The shards of a stream, each with its parent.
type Parents = HashMap<String, Option<String>>;

fn parents_of(shards: Vec<Shard>) -> Parents {
    let ids = |shard: Shard| Some((shard.shard_id?, shard.parent_shard_id));
    shards.into_iter().filter_map(ids).collect()
}

/// The shards that may be read: those whose parent has ended, or is no longer there; then with that parent.
fn readable(parents: &Parents, ended: &HashSet<String>) -> Vec<(String, Option<String>)> {
    let may_be_read = |(shard, parent): (&String, &Option<String>)| {
        let is_there = parent.as_ref().is_some_and(|parent| parents.contains_key(parent));
        let waits = is_there && parent.as_ref().is_some_and(|parent| !ended.contains(parent));
        let lost_parent = parent.clone().filter(|_| !is_there);
        (!waits && !ended.contains(shard)).then(|| (shard.clone(), lost_parent))
    };
    parents.iter().filter_map(may_be_read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(id: &str, parent: Option<&str>) -> Shard {
        Shard::builder().shard_id(id).set_parent_shard_id(parent.map(str::to_owned)).build()
    }

    #[test]
    fn a_child_waits_for_its_parent_unless_that_is_gone() {
        let shards = || {
            vec![
                shard("a", None),
                shard("b", Some("a")),
                shard("c", Some("gone")),
                shard("d", Some("b")),
            ]
        };
        let readable = |ended: &[&str]| -> Vec<(String, String)> {
            let ended = ended.iter().map(|id| (*id).to_owned()).collect();
            let mut found = super::readable(&parents_of(shards()), &ended);
            found.sort();
            found.into_iter().map(|(shard, lost)| (shard, lost.unwrap_or_default())).collect()
        };
        let expected = |shards: &[(&str, &str)]| -> Vec<(String, String)> {
            shards.iter().map(|(id, lost)| ((*id).to_owned(), (*lost).to_owned())).collect()
        };
        assert_eq!(readable(&[]), expected(&[("a", ""), ("c", "gone")]));
        assert_eq!(readable(&["a"]), expected(&[("b", ""), ("c", "gone")]));
        assert_eq!(readable(&["a", "b", "c"]), expected(&[("d", "")]));
    }
}
