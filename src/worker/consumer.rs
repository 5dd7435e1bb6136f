//! Reads the stream: one worker at a time, shard by shard, a parent before its children.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use aws_sdk_dynamodbstreams::Client;
use tokio::{
    select,
    task::JoinSet,
    time::{Instant, interval, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    lease::{Lease, Leases},
    metrics,
    processor::Processor,
    progress::Progress,
    shard::{ReadError, ShardReader},
};
use crate::{
    store::{
        Entity,
        errors::{Cause, chain},
    },
    time::Retention,
};

/// How often the stream's shards are listed.
const DISCOVERY: Duration = Duration::from_secs(5);
/// After how many of those it is checked whether the table has another stream.
const STREAM_CHECK: u32 = 12;

/// Reads the stream of a table, while it holds the lease.
pub(crate) struct Consumer {
    pub(crate) streams: Client,
    pub(crate) leases: Leases,
    /// The retention of the audit log.
    pub(crate) audit_retention: Retention,
}

impl Consumer {
    /// Reads until `stop`. A failure is logged, and it begins again.
    pub(crate) async fn run(&self, stop: CancellationToken) {
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
                tracing::error!(
                    error.message = chain(&error),
                    "reading the stream failed; retrying"
                );
                select! {
                    () = stop.cancelled() => {}
                    () = sleep(DISCOVERY) => {}
                }
            }
        }
    }

    async fn lead(&self, held: Entity<Lease>, stop: &CancellationToken) -> Result<(), ReadError> {
        let epoch = held.value.epoch;
        tracing::info!(lease.epoch = epoch, "reading the stream");
        metrics::leads(true);
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

    /// Renews the lease until `stop` and returns it; `None` once it is lost.
    async fn hold(
        &self,
        mut held: Entity<Lease>,
        stop: &CancellationToken,
    ) -> Option<Entity<Lease>> {
        let mut renewed = Instant::now();
        loop {
            select! {
                () = stop.cancelled() => return Some(held),
                () = sleep(self.leases.length / 3) => {}
            }
            match self.leases.renew(&held).await {
                Ok(Some(longer)) => {
                    held = longer;
                    renewed = Instant::now();
                }
                Ok(None) => {
                    tracing::warn!("another worker has taken over the stream");
                    return None;
                }
                // Others wait for the lease's length; a worker that can't renew it for that long no longer has it.
                Err(error) if renewed.elapsed() >= self.leases.length => {
                    tracing::error!(error.message = chain(&error), "the lease can't be renewed");
                    return None;
                }
                Err(_) => {}
            }
        }
    }

    /// Reads one stream of the table after the other, until another worker has taken over.
    async fn read(&self, epoch: u64) -> Result<(), ReadError> {
        while self.read_stream(epoch).await? {
            tracing::warn!("the table has a new stream");
        }
        Ok(())
    }

    /// Reads a stream until the table has another one (`true`), or another worker has taken over (`false`).
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
        };
        let mut running: JoinSet<(String, Result<(), ReadError>)> = JoinSet::new();
        let (mut started, mut ended) = (HashSet::new(), HashSet::new());
        // Read again with the next tick.
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
                        Err(error) => {
                            tracing::warn!(error.message = chain(&error), "listing the shards failed; retrying");
                        }
                    }
                    for shard in failed.drain(..) {
                        started.remove(&shard);
                    }
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
                        Err(error) => {
                            tracing::warn!(stream.shard = shard, error.message = chain(&error), "reading a shard failed; it is read again");
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

/// Shards, each with its parent.
type Parents = HashMap<String, Option<String>>;

/// The shards that may be read: those whose parent has ended, or is no longer in the stream; then with that parent.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_waits_for_its_parent_unless_that_is_gone() {
        let shards = [("a", None), ("b", Some("a")), ("c", Some("gone")), ("d", Some("b"))];
        let parents: Parents =
            shards.map(|(id, parent)| (id.to_owned(), parent.map(str::to_owned))).into();
        let readable = |ended: &[&str]| -> Vec<String> {
            let ended = ended.iter().map(|id| (*id).to_owned()).collect();
            let found = super::readable(&parents, &ended).into_iter();
            let mut found: Vec<_> =
                found.map(|(shard, lost)| shard + &lost.unwrap_or_default()).collect();
            found.sort();
            found
        };
        assert_eq!(readable(&[]), ["a", "cgone"]);
        assert_eq!(readable(&["a"]), ["b", "cgone"]);
        assert_eq!(readable(&["a", "b", "c"]), ["d"]);
    }
}
