//! Sends due deliveries and processes deferred work. Workers share the partitions of both. While
//! workers join or leave, two may hold the same partition. Then the first one to claim a delivery
//! attempts it. If a worker dies during an attempt, the delivery is attempted again.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::{
    select,
    task::{AbortHandle, JoinSet},
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use super::{
    accesses::Accesses,
    attempt::Attempts,
    deferred::DeferredPart,
    due::{DuePart, Sending},
    heartbeats::{DELIVERIES, Heartbeats},
    members::Members,
    metrics,
    oldest::Oldest,
    partitions::Partition,
    sender::Sender,
};
use crate::{
    keyring::SealingKeys,
    records::dead_letters,
    store::{Store, errors::chain},
    time::{Clock, Retention},
};

/// The interval at which the age of the oldest dead letter is measured.
const DEAD_LETTER_CHECK: Duration = Duration::from_mins(1);

/// The intervals of sending deliveries.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The interval at which due deliveries are read.
    pub poll: Duration,
    /// How long a worker keeps its partitions without renewing its registration.
    pub lease: Duration,
}

/// Sends deliveries.
pub struct Dispatcher {
    sending: Sending,
    accesses: Accesses,
    oldest: Oldest,
    pace: Pace,
}

/// The partitions in progress. Dropping this ends their tasks.
#[derive(Default)]
struct Running {
    tasks: JoinSet<()>,
    partitions: HashMap<Partition, (CancellationToken, AbortHandle)>,
}

impl Dispatcher {
    /// Creates a dispatcher. `keys` decrypt webhook secrets. Access log entries are kept for
    /// `audit_retention`. Each completed read of due deliveries is a heartbeat.
    pub fn new(
        store: Store,
        keys: SealingKeys,
        sender: Sender,
        clock: Arc<dyn Clock>,
        pace: Pace,
        audit_retention: Retention,
        heartbeats: Heartbeats,
    ) -> Self {
        let accesses = Accesses::new(store.clone(), audit_retention);
        let sending = Sending::new(Attempts { store, keys, sender, clock }, pace.poll, heartbeats);
        Self { sending, accesses, oldest: Oldest::new(metrics::oldest_deferred), pace }
    }

    /// Sends until `stop`, then waits for the attempts in progress.
    pub async fn run(&self, stop: CancellationToken) {
        let Attempts { store, clock, .. } = &*self.sending.attempts;
        let mut members = Members::new(store.clone(), clock.clone(), self.pace.lease);
        let mut running = Running::default();
        let (mut renewal, mut check) = (interval(self.pace.lease / 3), interval(DEAD_LETTER_CHECK));
        renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            select! {
                () = stop.cancelled() => break,
                _ = renewal.tick() => {
                    let refresh = stop.run_until_cancelled(Box::pin(members.refresh()));
                    match refresh.await {
                        None => break,
                        Some(Ok(own)) => {
                            // One of many workers: it has no due deliveries to read.
                            if !own.iter().any(|part| matches!(part, Partition::Due(_))) {
                                self.sending.heartbeats.beat(DELIVERIES, clock.now());
                            }
                            self.work_on(&mut running, own, &stop);
                        }
                        Some(Err(error)) => {
                            let cause = chain(&error);
                            tracing::warn!(error.message = cause, "renewing the worker's registration failed; retrying");
                        }
                    }
                }
                _ = check.tick() => self.measure_dead_letters().await,
                Some(ended) = running.tasks.join_next() => {
                    if ended.is_err_and(|error| error.is_panic()) {
                        tracing::error!("the task of a partition panicked; restarting it");
                    }
                }
            }
        }
        if let Err(error) = members.leave().await {
            let cause = chain(&error);
            tracing::warn!(
                error.message = cause,
                "removing the worker's registration failed; other workers wait until it expires"
            );
        }
        while running.tasks.join_next().await.is_some() {}
        self.sending.end().await;
    }

    /// Processes exactly these partitions from now on.
    fn work_on(&self, running: &mut Running, own: HashSet<Partition>, stop: &CancellationToken) {
        let Running { tasks, partitions } = running;
        partitions.retain(|partition, (stop, task)| {
            let stays = own.contains(partition);
            if !stays {
                stop.cancel();
            }
            // A panicked task is restarted.
            stays && !task.is_finished()
        });
        for partition in own {
            partitions.entry(partition).or_insert_with(|| {
                let stop = stop.child_token();
                let task = match partition {
                    Partition::Due(part) => {
                        tasks.spawn(DuePart::new(self.sending.clone(), part).run(stop.clone()))
                    }
                    Partition::Deferred(part) => tasks.spawn(self.deferred(part).run(stop.clone())),
                };
                (stop, task)
            });
        }
    }

    fn deferred(&self, part: u16) -> DeferredPart {
        let Attempts { store, clock, .. } = &*self.sending.attempts;
        DeferredPart {
            store: store.clone(),
            accesses: self.accesses.clone(),
            clock: clock.clone(),
            part,
            poll: self.pace.poll,
            oldest: self.oldest.clone(),
            resting: HashMap::new(),
        }
    }

    async fn measure_dead_letters(&self) {
        let Attempts { store, clock, .. } = &*self.sending.attempts;
        match dead_letters::repo::earliest(store).await {
            Ok(earliest) => {
                let age = earliest.map(|earliest| clock.now().duration_since(earliest));
                let age = age.and_then(|age| age.try_into().ok()).unwrap_or_default();
                metrics::oldest_dead_letter(age);
            }
            Err(error) => {
                tracing::warn!(error.message = chain(&error), "dead letters can't be read");
            }
        }
    }
}
