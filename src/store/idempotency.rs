//! The record of an `Idempotency-Key`: written in the transaction of the effect, good for 24 hours.

use data_encoding::HEXLOWER;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::{
    Entity, Item, Key, Kind, Record, Store, StoreError, WriteContext,
    attributes::{number, string, text},
    expression::Condition,
    keys::{self, EXPIRES_AT, GSI1PK, GSI1SK, PK, SK},
    sealed,
    write::Write,
};
use crate::sensitive::Sensitive;

/// How long a key is remembered.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);
/// The types of items that are stored here.
pub const KINDS: &[Kind] = &[Kind::left_alone(TYPE)];

const TYPE: &str = "idempotency";
const FINGERPRINT: &str = "fingerprint";
const ANSWER: &str = "answer";

/// A request's `Idempotency-Key`, bound to who sent it where, and what its body was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    hash: String,
    fingerprint: String,
    /// What seals the answer: it follows from the key, which the record does not hold. Whoever reads the table alone
    /// reads no answer, also of a patient who was erased meanwhile.
    secret: Sensitive<[u8; 32]>,
}

impl Idempotency {
    /// The record that stands for `scope` (organisation, subject, method, path, key) and the request's body.
    #[must_use]
    pub fn new(scope: &[&str], body: &[u8]) -> Self {
        let mut hash = Sha256::new();
        for part in scope {
            // Lengths keep ("ab", "c") and ("a", "bc") apart.
            hash.update(part.len().to_be_bytes());
            hash.update(part.as_bytes());
        }
        let secret = hash.clone().chain_update("answer").finalize();
        // Without the secret, a body could be guessed by its fingerprint.
        let fingerprint = Sha256::new().chain_update(secret).chain_update(body).finalize();
        Self {
            hash: HEXLOWER.encode(&hash.finalize()),
            fingerprint: HEXLOWER.encode(&fingerprint),
            secret: Sensitive::from(<[u8; 32]>::from(secret)),
        }
    }

    /// The record's key, for reads that fetch it beside other items.
    #[must_use]
    pub fn key(&self) -> Key {
        keys::idempotency(&self.hash)
    }

    /// The write that keeps `answer` under the key, where no record stands that still counts.
    pub(super) fn record(
        &self,
        context: &WriteContext,
        answer: &Item,
    ) -> Result<Write, StoreError> {
        let expires_at = context
            .now
            .saturating_add(REMEMBERED)
            .map_err(|error| StoreError::corrupt("idempotency", error))?;
        // What it is read into knows its keys; without them the record stays within 1 KB, one write unit.
        let mut answer = answer.clone();
        answer.retain(|name, _| ![PK, SK, GSI1PK, GSI1SK].contains(&name.as_str()));
        let mut item = self.key().attributes();
        item.extend([
            ("type".to_owned(), string(TYPE)),
            ("v".to_owned(), number(1)),
            ("rev".to_owned(), number(1)),
            ("org".to_owned(), string(&context.org)),
            ("created_at".to_owned(), string(context.now)),
            ("updated_at".to_owned(), string(context.now)),
            ("updated_by".to_owned(), string(&context.subject)),
            ("request_id".to_owned(), string(&context.request_id)),
            (FINGERPRINT.to_owned(), string(&self.fingerprint)),
            (ANSWER.to_owned(), sealed::seal(&answer, self.secret.expose(), &self.hash)?),
            (EXPIRES_AT.to_owned(), number(expires_at.as_second())),
        ]);
        // TTL deletes late, so an expired record is one that is not there.
        let expired = Condition::Less(EXPIRES_AT, number(context.now.as_second()));
        let condition = Condition::Any(vec![Condition::Absent, expired]);
        Ok(Write::Put { item, condition })
    }

    /// The answer that a record holds, if the request is the one that it was made for.
    pub(super) fn replay(&self, record: &Item) -> Result<Item, StoreError> {
        if text(record, FINGERPRINT) != Some(self.fingerprint.as_str()) {
            return Err(StoreError::IdempotencyKeyReused);
        }
        sealed::open(record.get(ANSWER), self.secret.expose(), &self.hash)
    }

    /// The answer that a record as read holds, unless it has expired.
    ///
    /// # Errors
    /// [`StoreError::IdempotencyKeyReused`] if it was made for another request.
    pub fn replay_unexpired(
        &self,
        record: &Item,
        now: Timestamp,
    ) -> Result<Option<Item>, StoreError> {
        let expires_at = record.get(EXPIRES_AT).and_then(|at| at.as_n().ok());
        let expires_at = expires_at.and_then(|at| at.parse::<i64>().ok()).unwrap_or(i64::MIN);
        if expires_at < now.as_second() {
            return Ok(None);
        }
        self.replay(record).map(Some)
    }
}

impl Store {
    /// What an earlier request with the same `Idempotency-Key` was answered, if there was one.
    ///
    /// # Errors
    /// [`StoreError::IdempotencyKeyReused`] if it was another request, and whatever the database may answer.
    pub async fn replay<T: Record>(
        &self,
        context: &WriteContext,
    ) -> Result<Option<Entity<T>>, StoreError> {
        let Some(idempotency) = &context.idempotency else {
            return Ok(None);
        };
        let Some(record) = self.get_item(&idempotency.key(), true).await? else {
            return Ok(None);
        };
        let answer = idempotency.replay_unexpired(&record, context.now)?;
        answer.map(Entity::from_item).transpose()
    }
}
