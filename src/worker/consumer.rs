//! Reads the stream. One worker at a time reads it, shard by shard, a parent before its children.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use aws_sdk_dynamodbstreams::Client;
use tokio::{
    select,
    task::JoinSet,
    time::{Instant, interval, sleep, sleep_until, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    heartbeats::Heartbeats,
    lease::{Held, Leases},
    metrics,
    processor::Processor,
    progress::Progress,
    shard::{ReadError, ShardReader},
};
use crate::{
    store::errors::{Cause, chain},
    time::Retention,
};

/// The interval at which the stream's shards are listed.
const DISCOVERY: Duration = Duration::from_secs(5);
/// The number of those intervals between checks for a new stream of the table.
const STREAM_CHECK: u32 = 12;

/// Reads the stream of a table while it holds the lease.
pub(crate) struct Consumer {
    pub(crate) streams: Client,
    pub(crate) leases: Leases,
    /// The retention of the audit log.
    pub(crate) audit_retention: Retention,
    pub(crate) heartbeats: Heartbeats,
}

impl Consumer {
    /// Reads until `stop`. After a failure, it logs the error, pauses and starts again.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let held = select! {
                () = stop.cancelled() => return,
                held = self.leases.acquire(&self.heartbeats) => held,
            };
            let outcome = match held {
                Ok(held) => self.lead(held, &stop).await,
                Err(error) => Err(error.into()),
            };
            if let Err(error) = outcome {
                tracing::error!(
                    error.message = chain(&error),
                    "reading the stream failed; retrying"
                );
                // A worker on standby tries for the lease ten times in its length, so it is first.
                let pause = DISCOVERY.max(self.leases.length / 5);
                select! {
                    () = stop.cancelled() => {}
                    () = sleep(pause) => {}
                }
            }
        }
    }

    async fn lead(&self, held: Held, stop: &CancellationToken) -> Result<(), ReadError> {
        let epoch = held.epoch();
        tracing::info!(lease.epoch = epoch, "reading the stream");
        let (outcome, is_held) = select! {
            is_held = self.hold(held, stop) => (Ok(()), is_held),
            outcome = self.read(epoch) => (outcome, true),
        };
        metrics::leads(false);
        metrics::iterator_age(Duration::ZERO);
        if !is_held {
            return outcome;
        }
        // After a failure too, so that a standby can try. It may succeed, for example with another role.
        let released = self.leases.release(epoch).await;
        outcome.and(released.map_err(ReadError::from))
    }

    /// Renews the lease until `stop`, then returns `true`. Returns `false` once the lease is lost.
    /// The lease expires if it is not renewed within its duration, even during a renewal, because
    /// other workers then take it.
    async fn hold(&self, mut held: Held, stop: &CancellationToken) -> bool {
        loop {
            let next = Instant::now() + self.leases.length / 3;
            select! {
                () = stop.cancelled() => return true,
                () = sleep_until(next.min(held.until)) => {}
            }
            match timeout_at(held.until, self.leases.renew(&held)).await {
                Ok(Ok(Some(longer))) => held = longer,
                Ok(Ok(None)) => {
                    tracing::warn!("another worker has taken over the lease of the stream");
                    return false;
                }
                Ok(Err(error)) if Instant::now() < held.until => {
                    let cause = chain(&error);
                    tracing::debug!(error.message = cause, "renewing the lease failed; retrying");
                }
                Ok(Err(_)) | Err(_) => {
                    tracing::error!("the lease expired before it could be renewed");
                    return false;
                }
            }
        }
    }

    /// Reads the table's streams one after the other, until another worker takes over.
    async fn read(&self, epoch: u64) -> Result<(), ReadError> {
        while self.read_stream(epoch).await? {
            tracing::warn!("the table has a new stream");
        }
        Ok(())
    }

    /// Reads one stream. Returns `true` if the table has a new stream, `false` if another worker
    /// took over.
    ///
    /// Fails if nothing can be read at first: a standby may have the permissions that this worker
    /// lacks. Later failures are retried without end. If they last, the worker has no heartbeat, is
    /// not live after 10 minutes, and gives up its lease when it is restarted.
    async fn read_stream(&self, epoch: u64) -> Result<bool, ReadError> {
        let Leases { store, clock, .. } = &self.leases;
        let stream_arn = store.stream_arn().await?.ok_or(ReadError::NoStream)?;
        let reader = ShardReader {
            streams: self.streams.clone(),
            stream_arn: stream_arn.clone(),
            processor: Processor::new(store.clone(), self.audit_retention),
            leases: self.leases.clone(),
            epoch,
            progress: Progress::default(),
            heartbeats: self.heartbeats.clone(),
        };
        let mut running: JoinSet<(String, Result<(), ReadError>)> = JoinSet::new();
        let (mut started, mut ended) = (HashSet::new(), HashSet::new());
        // Shards to read again at the next tick.
        let mut failed = Vec::new();
        let mut parents = Parents::new();
        let mut discovery = interval(DISCOVERY);
        let mut rounds = 0;
        loop {
            select! {
                _ = discovery.tick() => {
                    rounds += 1;
                    if rounds % STREAM_CHECK == 0
                        && running.is_empty()
                        && store.stream_arn().await?.is_some_and(|now| now != stream_arn)
                    {
                        return Ok(true);
                    }
                    match self.shards(&stream_arn).await {
                        Ok(shards) => {
                            parents = shards;
                            reader.progress.described(|shard| parents.contains_key(shard), clock.now());
                        }
                        Err(error) if parents.is_empty() => return Err(error),
                        Err(error) => {
                            tracing::warn!(error.message = chain(&error), "listing the shards failed; retrying");
                        }
                    }
                    for shard in failed.drain(..) {
                        started.remove(&shard);
                    }
                    // Workers that get the lease in turn and can't read must not look like a reader.
                    metrics::leads(reader.progress.has_read());
                    metrics::iterator_age(reader.progress.age(clock.now()));
                }
                Some(joined) = running.join_next() => {
                    let (shard, outcome) =
                        joined.map_err(|error| ReadError::Panicked(error.into()))?;
                    match outcome {
                        Ok(()) => {
                            ended.insert(shard);
                        }
                        Err(ReadError::TakenOver) => return Ok(false),
                        Err(error) if !reader.progress.has_read() => return Err(error),
                        Err(error) => {
                            tracing::warn!(stream.shard = shard, error.message = chain(&error), "reading a shard failed; restarting at its checkpoint");
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

    async fn shards(&self, stream_arn: &str) -> Result<Parents, ReadError> {
        let mut parents = Parents::new();
        let mut after = None;
        loop {
            let page = self.streams.describe_stream().stream_arn(stream_arn);
            let page = page.set_exclusive_start_shard_id(after).send().await;
            let page = page.map_err(|error| ReadError::Stream(Cause::of_call(&error)))?;
            let Some(stream) = page.stream_description else {
                return Ok(parents);
            };
            let shards = stream.shards.unwrap_or_default().into_iter();
            parents
                .extend(shards.filter_map(|shard| Some((shard.shard_id?, shard.parent_shard_id))));
            after = stream.last_evaluated_shard_id;
            if after.is_none() {
                return Ok(parents);
            }
        }
    }
}

/// The shards, each with its parent.
type Parents = HashMap<String, Option<String>>;

/// Returns the shards that may be read: those whose parent has ended or is no longer in the stream.
/// In the latter case, the parent is returned as well.
fn readable(parents: &Parents, ended: &HashSet<String>) -> Vec<(String, Option<String>)> {
    let open = parents.iter().filter(|(shard, _)| !ended.contains(*shard));
    open.filter_map(|(shard, parent)| match parent {
        Some(parent) if !parents.contains_key(parent) => {
            Some((shard.clone(), Some(parent.clone())))
        }
        Some(parent) if !ended.contains(parent) => None,
        _ => Some((shard.clone(), None)),
    })
    .collect()
}

#[cfg(all(test, feature = "embedded"))]
mod tests;
