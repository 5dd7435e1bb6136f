//! The workers that send deliveries. Each one keeps its own registration, and all determine by
//! their own clocks which workers are alive.
//!
//! A registration that was not renewed within its duration counts as expired, by the same rule as
//! the lease of the stream. The worker that notices removes it.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{
    SUBJECT,
    partitions::{Partition, partitions_of},
};
use crate::{
    id::random_token,
    store::{
        Entity, ItemType, Key, Record, Store, StoreError, WriteContext,
        attributes::string,
        errors::chain,
        expression::Condition,
        keys,
        read::{List, PageRequest},
        write::Write,
    },
    time::Clock,
};

/// The item types of this module.
pub(crate) const ITEM_TYPES: &[ItemType] = &[ItemType::never_rewritten(Registration::TYPE)];

/// The maximum number of workers that share the work. Further workers get no partitions.
const MAX_WORKERS: u16 = 1_000;

/// The registration of a worker that sends deliveries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Registration {
    worker: String,
}

impl Record for Registration {
    const TYPE: &'static str = "worker";

    fn key(&self) -> Key {
        keys::worker(&self.worker)
    }
}

/// The workers as this one sees them.
pub(super) struct Members {
    store: Store,
    clock: Arc<dyn Clock>,
    /// The duration of a registration.
    length: Duration,
    own: Option<Entity<Registration>>,
    worker: String,
    /// The registrations of other workers: the revision, and since when it has been seen.
    others: HashMap<String, (u64, Instant)>,
    /// The live workers at the last check.
    before: Option<BTreeSet<String>>,
}

impl Members {
    /// Creates a worker that is not registered yet.
    pub(super) fn new(store: Store, clock: Arc<dyn Clock>, length: Duration) -> Self {
        let (own, worker) = (None, random_token());
        Self { store, clock, length, own, worker, others: HashMap::new(), before: None }
    }

    fn context(&self) -> WriteContext {
        WriteContext::system(&format!("{SUBJECT}:{}", self.worker), self.clock.now())
    }

    /// Renews the registration. Returns the partitions that this worker owns from now on.
    pub(super) async fn refresh(&mut self) -> Result<HashSet<Partition>, StoreError> {
        self.register().await?;
        let page = PageRequest { after: None, limit: MAX_WORKERS, consistent: true };
        let listed = self.store.list(List::of(keys::workers(), page)).await?;
        let listed = listed.items.into_iter().map(Entity::<Registration>::from_item);
        let (mut seen, mut live) = (HashMap::new(), BTreeSet::new());
        for registration in listed {
            let registration = match registration {
                Ok(registration) => registration,
                Err(error) => {
                    let cause = chain(&error);
                    tracing::error!(error.message = cause, "a worker's registration can't be read");
                    continue;
                }
            };
            let (worker, rev) = (&registration.value.worker, registration.meta.rev);
            let known = self.others.get(worker).filter(|(at, _)| *at == rev);
            let since = known.map_or_else(Instant::now, |(_, since)| *since);
            if *worker == self.worker {
                continue;
            }
            if since.elapsed() >= self.length {
                // It counts as expired even if it can't be removed, for example without permission.
                if let Err(error) = self.remove(&registration).await {
                    let cause = chain(&error);
                    tracing::warn!(
                        error.message = cause,
                        "an expired worker registration can't be removed"
                    );
                }
                continue;
            }
            live.insert(worker.clone());
            seen.insert(worker.clone(), (rev, since));
        }
        self.others = seen;
        // Other workers keep their partitions until they have seen this worker.
        let before = self.before.take().unwrap_or_else(|| live.clone());
        live.insert(self.worker.clone());
        let partitions = partitions_of(&self.worker, &before, &live);
        self.before = Some(live);
        Ok(partitions)
    }

    /// Writes the registration, also over one whose write got no reply.
    async fn register(&mut self) -> Result<(), StoreError> {
        let (context, value) = (self.context(), Registration { worker: self.worker.clone() });
        let next = match &self.own {
            None => Entity::new(value, &context),
            Some(own) => own.changed(value, &context),
        };
        let is_own = Condition::Equals("worker", string(&self.worker));
        let condition = Condition::Any(vec![Condition::Absent, is_own]);
        let item = next.to_item()?;
        // Each write has its own revision, also after a write with an unknown outcome.
        self.own = Some(next);
        self.store.try_commit(&context, vec![Write::Put { item, condition }]).await.map(|_| ())
    }

    /// Removes the registration, so that no other worker has to wait.
    pub(super) async fn leave(&self) -> Result<(), StoreError> {
        match &self.own {
            Some(own) => self.remove(own).await,
            None => Ok(()),
        }
    }

    async fn remove(&self, registration: &Entity<Registration>) -> Result<(), StoreError> {
        self.store.try_commit(&self.context(), vec![registration.delete()]).await.map(|_| ())
    }
}
