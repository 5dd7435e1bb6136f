//! The lease of the stream and its checkpoints. One of several workers reads the stream; another
//! one takes over when it dies.
//!
//! A waiting worker takes over a lease that was not renewed for its whole duration by the waiting
//! worker's own clock, so clocks need not agree. Each new holder increments the epoch, and a
//! checkpoint of an earlier epoch is refused. A worker that was considered dead thus can't reset a
//! shard.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::{
    SUBJECT,
    heartbeats::{Heartbeats, STREAM},
};
use crate::{
    store::{
        Entity, ItemType, Key, Record, Store, StoreError, WriteContext, attributes::number,
        expression::Condition, keys, write::Write,
    },
    time::Clock,
};

/// The item types of this module.
pub(crate) const ITEM_TYPES: &[ItemType] =
    &[ItemType::never_rewritten(Lease::TYPE), ItemType::never_rewritten(Checkpoint::TYPE)];

/// How long the checkpoint of an ended shard is kept. It far exceeds the lifetime of a shard in the
/// stream.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

const NAME: &str = "stream";

/// The exclusive right to read the stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lease {
    name: String,
    /// The worker that holds the lease. Empty if none does.
    owner: String,
    /// The number of the holder. Each new holder increments it.
    epoch: u64,
}

impl Record for Lease {
    const TYPE: &'static str = "lease";

    fn key(&self) -> Key {
        keys::lease(&self.name)
    }
}

/// A lease that this worker holds.
#[derive(Debug, Clone)]
pub(super) struct Held {
    lease: Entity<Lease>,
    /// The instant until which no other worker takes it over.
    pub(super) until: Instant,
}

impl Held {
    /// Returns the epoch of this holder.
    pub(super) fn epoch(&self) -> u64 {
        self.lease.value.epoch
    }
}

/// The read position in a shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    name: String,
    shard: String,
    epoch: u64,
    /// The last processed sequence number.
    pub(super) sequence_number: Option<String>,
    /// Whether the shard has ended and is fully processed.
    pub(super) ended: bool,
    /// The TTL of the checkpoint of an ended shard, in epoch seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
}

impl Record for Checkpoint {
    const TYPE: &'static str = "checkpoint";

    fn key(&self) -> Key {
        keys::checkpoint(&self.name, &self.shard)
    }
}

/// Acquires the lease for one worker.
#[derive(Clone)]
pub(crate) struct Leases {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) owner: String,
    /// The duration of a lease without renewal.
    pub(crate) length: Duration,
}

impl Leases {
    fn context(&self) -> WriteContext {
        WriteContext::system(&format!("{SUBJECT}:{}", self.owner), self.clock.now())
    }

    /// Waits for the lease and acquires it. Each read of a lease that another worker has is a heartbeat.
    pub(super) async fn acquire(&self, heartbeats: &Heartbeats) -> Result<Held, StoreError> {
        let key = keys::lease(NAME);
        let mut seen: Option<(u64, Instant)> = None;
        loop {
            let found = self.store.get::<Lease>(&key, true).await?;
            let is_free = match (&found, seen) {
                (None, _) => true,
                // The worker's own lease remains from an earlier run, or from a write whose reply
                // was lost.
                (Some(Entity { value: Lease { owner, .. }, .. }), _)
                    if owner.is_empty() || *owner == self.owner =>
                {
                    true
                }
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
            // On standby. A worker that has the lease must read the stream instead.
            heartbeats.beat(STREAM, self.clock.now());
            sleep(self.length / 10).await;
        }
    }

    /// Renews a lease. Returns `None` if another worker has it. An earlier renewal may have
    /// succeeded without a reply. Then the stored lease is the same at a later revision, and that
    /// one is renewed.
    pub(super) async fn renew(&self, held: &Held) -> Result<Option<Held>, StoreError> {
        let lease = &held.lease;
        if let Some(longer) = self.store(Some(lease), lease.value.clone()).await? {
            return Ok(Some(longer));
        }
        let stored = self.store.get::<Lease>(&lease.value.key(), true).await?;
        match stored.filter(|stored| stored.value == lease.value) {
            Some(stored) => self.store(Some(&stored), stored.value.clone()).await,
            None => Ok(None),
        }
    }

    /// Releases the lease if this worker still holds it with this epoch, so that no other worker has
    /// to wait for it to expire.
    pub(super) async fn release(&self, epoch: u64) -> Result<(), StoreError> {
        // A renewal without a reply may have changed the revision, so the lease is read again.
        let stored = self.store.get::<Lease>(&keys::lease(NAME), true).await?;
        let own = |lease: &Lease| lease.owner == self.owner && lease.epoch == epoch;
        let Some(stored) = stored.filter(|stored| own(&stored.value)) else { return Ok(()) };
        let free = Lease { owner: String::new(), ..stored.value.clone() };
        self.store(Some(&stored), free).await.map(|_| ())
    }

    /// Stores a lease if `previous` is unchanged.
    async fn store(
        &self,
        previous: Option<&Entity<Lease>>,
        lease: Lease,
    ) -> Result<Option<Held>, StoreError> {
        let until = Instant::now() + self.length;
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
        Ok(stored.then_some(Held { lease, until }))
    }

    /// Returns the checkpoint of a shard, if there is one.
    pub(super) async fn checkpoint(&self, shard: &str) -> Result<Option<Checkpoint>, StoreError> {
        let found = self.store.get::<Checkpoint>(&keys::checkpoint(NAME, shard), true).await?;
        Ok(found.map(|found| found.value))
    }

    /// Stores the checkpoint of a shard for an epoch. Returns `false` if there is one of a later
    /// epoch.
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

#[cfg(all(test, feature = "embedded"))]
mod tests {
    use super::*;
    use crate::{store::embedded::Engine, time::SystemClock};

    /// Returns the leases of a worker, with a duration that no test waits for.
    fn leases(store: &Store, owner: &str) -> Leases {
        let (store, clock, owner) = (store.clone(), Arc::new(SystemClock), owner.to_owned());
        Leases { store, clock, owner, length: Duration::from_hours(1) }
    }

    #[tokio::test]
    async fn a_renewal_whose_reply_was_lost_is_recognised() {
        let engine = Engine::in_memory().unwrap();
        let store = Store::new(engine.client(), "clinic");
        store.create_table().await.unwrap();
        let (a, b) = (leases(&store, "a"), leases(&store, "b"));
        let held = a.acquire(&Heartbeats::default()).await.unwrap();
        a.renew(&held).await.unwrap().unwrap();
        // The worker does not know of that renewal.
        let longer = a.renew(&held).await.unwrap().unwrap();
        assert_eq!((longer.epoch(), longer.lease.meta.rev), (1, 3));
        a.release(longer.epoch()).await.unwrap();
        let other = b.acquire(&Heartbeats::default()).await.unwrap();
        assert_eq!(other.epoch(), 2);
        assert!(a.renew(&longer).await.unwrap().is_none(), "another worker holds it");
        // Neither that epoch nor the other worker's is the worker's to release.
        a.release(longer.epoch()).await.unwrap();
        a.release(other.epoch()).await.unwrap();
        assert!(b.renew(&other).await.unwrap().is_some(), "it still holds it");
    }

    #[tokio::test]
    async fn a_worker_does_not_wait_for_its_own_lease() {
        let engine = Engine::in_memory().unwrap();
        let store = Store::new(engine.client(), "clinic");
        store.create_table().await.unwrap();
        let a = leases(&store, "a");
        let lost = a.acquire(&Heartbeats::default()).await.unwrap();
        let held = a.acquire(&Heartbeats::default()).await.unwrap();
        assert_eq!((lost.epoch(), held.epoch()), (1, 2));
        assert!(a.renew(&lost).await.unwrap().is_none(), "a later lease exists");
    }
}
