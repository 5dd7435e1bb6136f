//! The record of an `Idempotency-Key`: written in the transaction of the effect, good for 24 hours.

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

/// How long a key is remembered.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);
/// The types of items that are stored here.
pub const ITEM_TYPES: &[ItemType] = &[ItemType::never_rewritten(TYPE)];

const TYPE: &str = "idempotency";
const FINGERPRINT: &str = "fingerprint";
const ANSWER: &str = "answer";

impl Idempotency {
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

    /// The answer that a record holds, unless it has expired. [`StoreError::IdempotencyKeyReused`] for another request's.
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
    /// What the same request with the same `Idempotency-Key` was answered earlier, if there was one.
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
