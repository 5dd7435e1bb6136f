//! The record of an `Idempotency-Key`. It is written in the transaction of the effect and is valid
//! for 24 hours.

use jiff::{SignedDuration, Timestamp};

use super::{
    Store,
    attributes::{Item, number, string, text},
    codec::{Entity, Record},
    context::WriteContext,
    errors::StoreError,
    expression::Condition,
    idempotency_key::Idempotency,
    item_type::ItemType,
    keys::{EXPIRES_AT, GSI1PK, GSI1SK, PK, SK},
    sealed,
    write::Write,
};

/// How long a record is valid.
const VALIDITY: SignedDuration = SignedDuration::from_hours(24);
/// The item types of this module.
pub const ITEM_TYPES: &[ItemType] = &[ItemType::never_rewritten(TYPE)];

const TYPE: &str = "idempotency";
const FINGERPRINT: &str = "fingerprint";
const ANSWER: &str = "answer";

impl Idempotency {
    /// Returns the write that stores `answer` under the key, unless a valid record exists.
    pub(super) fn record(
        &self,
        context: &WriteContext,
        answer: &Item,
    ) -> Result<Write, StoreError> {
        let expires_at = context
            .now
            .saturating_add(VALIDITY)
            .map_err(|error| StoreError::corrupt("idempotency", error))?;
        // The decoded record derives its keys. Without them, the item stays within 1 KB, one write
        // unit.
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
        // TTL deletes late, so an expired record counts as absent.
        let expired = Condition::Less(EXPIRES_AT, number(context.now.as_second()));
        let condition = Condition::Any(vec![Condition::Absent, expired]);
        Ok(Write::Put { item, condition })
    }

    /// Returns the response of a record if it belongs to this request.
    pub(super) fn replay(&self, record: &Item) -> Result<Item, StoreError> {
        if text(record, FINGERPRINT) != Some(self.fingerprint.as_str()) {
            return Err(StoreError::IdempotencyKeyReused);
        }
        sealed::open(record.get(ANSWER), self.secret.expose(), &self.hash)
    }

    /// Returns the response of a record unless it has expired. Fails with
    /// [`StoreError::IdempotencyKeyReused`] if it belongs to another request.
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
    /// Returns the stored response of an earlier request with the same `Idempotency-Key`, if there
    /// is one.
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
