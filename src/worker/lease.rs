//! Who reads the stream, and how far it is read: of several workers one reads, and another takes over when it dies.
//!
//! A lease is taken over when it was not renewed for its whole length by the clock of who waits for it, so that clocks need
//! not agree. With every new holder its epoch goes up, and a checkpoint of an earlier epoch is refused: who was taken for
//! dead can't take a shard back to where it stood.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::{
    id::OrgId,
    store::{
        Entity, Key, Kind, Precondition, Record, Store, StoreError, WriteContext,
        attributes::number, expression::Condition, keys, write::Write,
    },
    time::Clock,
};

/// The types of items that are stored here; a backfill leaves them as they were written.
pub const KINDS: &[Kind] = &[Kind::left_alone(Lease::TYPE), Kind::left_alone(Checkpoint::TYPE)];

/// For how long it is remembered that a shard has ended.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The organisation of what is nobody's.
const NOBODY: &str = "system";

/// Who reads the stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    name: String,
    /// Who holds it; nobody, if it is empty.
    owner: String,
    /// One up with every holder.
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
    /// When the checkpoint of an ended shard is forgotten, in epoch seconds: long after the stream has forgotten the shard.
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
        let org = OrgId::try_from(NOBODY.to_owned());
        WriteContext {
            org: org.unwrap_or_else(|_| unreachable!("it is one")),
            subject: format!("system:worker:{}", self.owner),
            request_id: crate::id::random_token(),
            now: self.clock.now(),
            precondition: Precondition::None,
            idempotency: None,
        }
    }

    /// Waits for the lease and takes it.
    ///
    /// # Errors
    /// Whatever the database may answer.
    pub async fn acquire(&self) -> Result<Held, StoreError> {
        let key = keys::lease(&self.name);
        let mut seen: Option<(u64, Instant)> = None;
        loop {
            let found = self.store.get::<Lease>(&key, true).await?;
            let taken = match &found {
                None => self.take(None).await?,
                Some(lease) if lease.value.owner.is_empty() => self.take(Some(lease)).await?,
                Some(lease) => match seen {
                    Some((rev, since)) if rev == lease.meta.rev => {
                        if since.elapsed() >= self.length {
                            self.take(Some(lease)).await?
                        } else {
                            None
                        }
                    }
                    _ => {
                        seen = Some((lease.meta.rev, Instant::now()));
                        None
                    }
                },
            };
            if let Some(held) = taken {
                return Ok(held);
            }
            sleep(self.length / 10).await;
        }
    }

    async fn take(&self, found: Option<&Entity<Lease>>) -> Result<Option<Held>, StoreError> {
        let context = self.context();
        let epoch = found.map_or(0, |lease| lease.value.epoch) + 1;
        let lease = Lease { name: self.name.clone(), owner: self.owner.clone(), epoch };
        let (lease, write) = match found {
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
        Ok(self.commit(&context, write).await?.then_some(Held(lease)))
    }

    /// Holds a lease for longer; `None` if somebody else has it.
    ///
    /// # Errors
    /// Whatever the database may answer.
    pub async fn renew(&self, held: &Held) -> Result<Option<Held>, StoreError> {
        let context = self.context();
        let renewed = held.0.changed(held.0.value.clone(), &context);
        let write = renewed.replace(&held.0)?;
        Ok(self.commit(&context, write).await?.then_some(Held(renewed)))
    }

    /// Gives a lease back, so that nobody has to wait for it.
    ///
    /// # Errors
    /// Whatever the database may answer.
    pub async fn release(&self, held: &Held) -> Result<(), StoreError> {
        let context = self.context();
        let lease = Lease { owner: String::new(), ..held.0.value.clone() };
        let write = held.0.changed(lease, &context).replace(&held.0)?;
        self.commit(&context, write).await.map(|_| ())
    }

    /// How far a shard is read, if it was.
    ///
    /// # Errors
    /// Whatever the database may answer.
    pub async fn checkpoint(&self, shard: &str) -> Result<Option<Checkpoint>, StoreError> {
        let found =
            self.store.get::<Checkpoint>(&keys::checkpoint(&self.name, shard), true).await?;
        Ok(found.map(|found| found.value))
    }

    /// Remembers how far a shard is read, on behalf of an epoch; `false` if there is a later one.
    ///
    /// # Errors
    /// Whatever the database may answer.
    pub async fn save(
        &self,
        epoch: u64,
        shard: &str,
        sequence_number: Option<String>,
        ended: bool,
    ) -> Result<bool, StoreError> {
        let context = self.context();
        let (name, shard) = (self.name.clone(), shard.to_owned());
        let forgotten = context.now.saturating_add(KEPT).unwrap_or(context.now);
        let expires_at = ended.then_some(forgotten.as_second());
        let checkpoint = Checkpoint { name, shard, epoch, sequence_number, ended, expires_at };
        let not_later = Condition::Less("epoch", number(epoch + 1));
        let write = Write::Put {
            item: Entity::new(checkpoint, &context).to_item()?,
            condition: Condition::Any(vec![Condition::Absent, not_later]),
        };
        self.commit(&context, write).await
    }

    async fn commit(&self, context: &WriteContext, write: Write) -> Result<bool, StoreError> {
        match self.store.commit(context, vec![write]).await {
            Ok(_) => Ok(true),
            Err(StoreError::ConditionFailed(_)) => Ok(false),
            Err(other) => Err(other),
        }
    }
}
