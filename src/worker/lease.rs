//! The lease of the stream, and checkpoints: of several workers one reads, and another takes over when it dies.
//!
//! A lease is taken over when it was not renewed for its whole length by the clock of the worker that waits for it, so that
//! clocks need not agree. With every new holder its epoch goes up, and a checkpoint of an earlier epoch is refused: a worker
//! that was taken for dead can't set a shard back.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::SUBJECT;
use crate::{
    id::{OrgId, random_token},
    store::{
        Entity, ItemType, Key, Record, Store, StoreError, WriteContext, attributes::number,
        expression::Condition, keys, write::Write,
    },
    time::Clock,
};

/// The types of items that are stored here.
pub const ITEM_TYPES: &[ItemType] =
    &[ItemType::never_rewritten(Lease::TYPE), ItemType::never_rewritten(Checkpoint::TYPE)];

/// For how long it is kept that a shard has ended: far longer than the stream has the shard.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The organisation of leases and checkpoints.
const SYSTEM: &str = "system";

/// The right to read the stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    name: String,
    /// The worker that holds it; empty, if none does.
    owner: String,
    /// The number of its holder: each has one more than the holder before.
    epoch: u64,
}

impl Record for Lease {
    const TYPE: &'static str = "lease";

    fn key(&self) -> Key {
        keys::lease(&self.name)
    }
}

/// How far a shard is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    name: String,
    shard: String,
    epoch: u64,
    /// The last sequence number that is done.
    pub sequence_number: Option<String>,
    /// Whether the shard has ended, and all of it is done.
    pub ended: bool,
    /// When TTL removes the checkpoint of an ended shard, in epoch seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
}

impl Record for Checkpoint {
    const TYPE: &'static str = "checkpoint";

    fn key(&self) -> Key {
        keys::checkpoint(&self.name, &self.shard)
    }
}

/// A lease that is held.
#[derive(Debug, Clone)]
pub struct Held(Entity<Lease>);

impl Held {
    /// The epoch of its holder.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.0.value.epoch
    }
}

/// Takes leases for one worker.
#[derive(Clone)]
pub struct Leases {
    store: Store,
    clock: Arc<dyn Clock>,
    name: String,
    owner: String,
    length: Duration,
}

impl Leases {
    /// Takes the lease `name` as `owner`, each time for `length`.
    #[must_use]
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        name: String,
        owner: String,
        length: Duration,
    ) -> Self {
        Self { store, clock, name, owner, length }
    }

    /// How long a lease is held without being renewed.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.length
    }

    fn context(&self) -> WriteContext {
        let org = OrgId::try_from(SYSTEM.to_owned()).unwrap_or_else(|_| unreachable!("it is one"));
        let subject = format!("{SUBJECT}:{}", self.owner);
        WriteContext::internal(org, &subject, random_token(), self.clock.now())
    }

    /// Waits for the lease and takes it.
    ///
    /// # Errors
    /// Any error of the database.
    pub async fn acquire(&self) -> Result<Held, StoreError> {
        let key = keys::lease(&self.name);
        let mut seen: Option<(u64, Instant)> = None;
        loop {
            let found = self.store.get::<Lease>(&key, true).await?;
            let is_free = match (&found, seen) {
                (None, _) => true,
                (Some(lease), _) if lease.value.owner.is_empty() => true,
                (Some(lease), Some((rev, since))) if rev == lease.meta.rev => {
                    since.elapsed() >= self.length
                }
                (Some(lease), _) => {
                    seen = Some((lease.meta.rev, Instant::now()));
                    false
                }
            };
            let epoch = found.as_ref().map_or(0, |lease| lease.value.epoch) + 1;
            let lease = Lease { name: self.name.clone(), owner: self.owner.clone(), epoch };
            if is_free && let Some(held) = self.store(found.as_ref(), lease).await? {
                return Ok(held);
            }
            sleep(self.length / 10).await;
        }
    }

    /// Holds a lease for longer; `None` if another worker has it.
    ///
    /// # Errors
    /// Any error of the database.
    pub async fn renew(&self, held: &Held) -> Result<Option<Held>, StoreError> {
        self.store(Some(&held.0), held.0.value.clone()).await
    }

    /// Gives a lease back, so that no other worker has to wait for it.
    ///
    /// # Errors
    /// Any error of the database.
    pub async fn release(&self, held: &Held) -> Result<(), StoreError> {
        let free = Lease { owner: String::new(), ..held.0.value.clone() };
        self.store(Some(&held.0), free).await.map(|_| ())
    }

    /// Stores a lease, if `previous` is still stored.
    async fn store(
        &self,
        previous: Option<&Entity<Lease>>,
        lease: Lease,
    ) -> Result<Option<Held>, StoreError> {
        let context = self.context();
        let (lease, write) = match previous {
            None => {
                let lease = Entity::new(lease, &context);
                let write = lease.create()?;
                (lease, write)
            }
            Some(previous) => {
                let lease = previous.changed(lease, &context);
                let write = lease.replace(previous)?;
                (lease, write)
            }
        };
        let stored = self.store.try_commit(&context, vec![write]).await?;
        Ok(stored.then_some(Held(lease)))
    }

    /// How far a shard is read, if it was.
    ///
    /// # Errors
    /// Any error of the database.
    pub async fn checkpoint(&self, shard: &str) -> Result<Option<Checkpoint>, StoreError> {
        let found =
            self.store.get::<Checkpoint>(&keys::checkpoint(&self.name, shard), true).await?;
        Ok(found.map(|found| found.value))
    }

    /// Stores how far a shard is read, on behalf of an epoch; `false` if there is a later one.
    ///
    /// # Errors
    /// Any error of the database.
    pub async fn save(
        &self,
        epoch: u64,
        shard: &str,
        sequence_number: Option<String>,
        ended: bool,
    ) -> Result<bool, StoreError> {
        let context = self.context();
        let (name, shard) = (self.name.clone(), shard.to_owned());
        let kept_until = context.now.saturating_add(KEPT).unwrap_or(context.now);
        let expires_at = ended.then_some(kept_until.as_second());
        let checkpoint = Checkpoint { name, shard, epoch, sequence_number, ended, expires_at };
        let not_later = Condition::Less("epoch", number(epoch + 1));
        let write = Write::Put {
            item: Entity::new(checkpoint, &context).to_item()?,
            condition: Condition::Any(vec![Condition::Absent, not_later]),
        };
        self.store.try_commit(&context, vec![write]).await
    }
}
