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
pub(crate) const ITEM_TYPES: &[ItemType] =
    &[ItemType::never_rewritten(Lease::TYPE), ItemType::never_rewritten(Checkpoint::TYPE)];

/// For how long it is kept that a shard has ended: far longer than the stream has the shard.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

const NAME: &str = "stream";

/// The right to read the stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lease {
    name: String,
    /// The worker that holds it; empty, if none does.
    owner: String,
    /// The number of its holder: each has one more than the holder before.
    pub(super) epoch: u64,
}

impl Record for Lease {
    const TYPE: &'static str = "lease";

    fn key(&self) -> Key {
        keys::lease(&self.name)
    }
}

/// How far a shard is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    name: String,
    shard: String,
    epoch: u64,
    /// The last sequence number that is done.
    pub(super) sequence_number: Option<String>,
    /// Whether the shard has ended, and all of it is done.
    pub(super) ended: bool,
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

/// Takes the lease for one worker.
#[derive(Clone)]
pub(crate) struct Leases {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) owner: String,
    /// How long a lease is held without being renewed.
    pub(crate) length: Duration,
}

impl Leases {
    fn context(&self) -> WriteContext {
        let org = "system".parse::<OrgId>().unwrap_or_else(|_| unreachable!("it is one"));
        let subject = format!("{SUBJECT}:{}", self.owner);
        WriteContext::internal(org, &subject, random_token(), self.clock.now())
    }

    /// Waits for the lease and takes it.
    pub(super) async fn acquire(&self) -> Result<Entity<Lease>, StoreError> {
        let key = keys::lease(NAME);
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
            let lease = Lease { name: NAME.to_owned(), owner: self.owner.clone(), epoch };
            if is_free && let Some(held) = self.store(found.as_ref(), lease).await? {
                return Ok(held);
            }
            sleep(self.length / 10).await;
        }
    }

    /// Holds a lease for longer; `None` if another worker has it.
    pub(super) async fn renew(
        &self,
        held: &Entity<Lease>,
    ) -> Result<Option<Entity<Lease>>, StoreError> {
        self.store(Some(held), held.value.clone()).await
    }

    /// Gives a lease back, so that no other worker has to wait for it.
    pub(super) async fn release(&self, held: &Entity<Lease>) -> Result<(), StoreError> {
        let free = Lease { owner: String::new(), ..held.value.clone() };
        self.store(Some(held), free).await.map(|_| ())
    }

    /// Stores a lease, if `previous` is still stored.
    async fn store(
        &self,
        previous: Option<&Entity<Lease>>,
        lease: Lease,
    ) -> Result<Option<Entity<Lease>>, StoreError> {
        let context = self.context();
        let lease = match previous {
            None => Entity::new(lease, &context),
            Some(previous) => previous.changed(lease, &context),
        };
        let write = match previous {
            None => lease.create()?,
            Some(previous) => lease.replace(previous)?,
        };
        let stored = self.store.try_commit(&context, vec![write]).await?;
        Ok(stored.then_some(lease))
    }

    /// How far a shard is read, if it was.
    pub(super) async fn checkpoint(&self, shard: &str) -> Result<Option<Checkpoint>, StoreError> {
        let found = self.store.get::<Checkpoint>(&keys::checkpoint(NAME, shard), true).await?;
        Ok(found.map(|found| found.value))
    }

    /// Stores how far a shard is read, on behalf of an epoch; `false` if there is a later one.
    pub(super) async fn save(
        &self,
        epoch: u64,
        shard: &str,
        sequence_number: Option<String>,
        ended: bool,
    ) -> Result<bool, StoreError> {
        let context = self.context();
        let (name, shard) = (NAME.to_owned(), shard.to_owned());
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
