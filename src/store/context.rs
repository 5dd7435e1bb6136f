//! The context of a write, and the caller's preconditions.

use jiff::Timestamp;

use super::{
    attributes::{Item, number, string, text},
    errors::StoreError,
    expression::{Change, Condition},
    idempotency_key::Idempotency,
};
use crate::id::OrgId;

/// The context of a write: the caller, the request, the instant and the caller's preconditions.
#[derive(Debug, Clone)]
pub struct WriteContext {
    /// The caller's organisation.
    pub org: OrgId,
    /// The caller, for `updated_by`.
    pub subject: String,
    /// Unique to this write: what is stored with it tells a repeated request its own work.
    pub request_id: String,
    /// The request's instant.
    pub now: Timestamp,
    /// The revisions that the caller allows (`If-Match`).
    pub precondition: Precondition,
    /// The caller's `Idempotency-Key`, if it sent one.
    pub idempotency: Option<Idempotency>,
}

impl WriteContext {
    /// A write without conditions of a caller, and not under an `Idempotency-Key`.
    pub fn internal(org: OrgId, subject: &str, request_id: String, now: Timestamp) -> Self {
        let (subject, precondition) = (subject.to_owned(), Precondition::None);
        Self { org, subject, request_id, now, precondition, idempotency: None }
    }

    /// The change that every update makes: the revision, and who and when.
    pub fn touch(&self) -> Change {
        Change::default()
            .set("updated_at", string(self.now))
            .set("updated_by", string(&self.subject))
            .set("request_id", string(&self.request_id))
            .increment("rev")
    }

    /// Whether an item was written by this very write.
    pub(super) fn wrote(&self, item: &Item) -> bool {
        text(item, "request_id") == Some(self.request_id.as_str())
    }
}

/// The revisions of a record that a caller allows to be changed (RFC 9110, `If-Match`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Precondition {
    /// The caller did not ask.
    #[default]
    None,
    /// One of these revisions; none at all allows nothing.
    Revisions(Vec<u64>),
}

impl Precondition {
    /// Refuses a revision that the caller does not allow.
    pub fn check(&self, rev: u64) -> Result<(), StoreError> {
        match self {
            Self::Revisions(allowed) if !allowed.contains(&rev) => Err(StoreError::Stale { rev }),
            _ => Ok(()),
        }
    }

    /// The precondition as a condition of the write itself.
    pub fn condition(&self) -> Option<Condition> {
        match self {
            Self::None => None,
            // DynamoDB refuses an empty IN; no item is at revision 0.
            Self::Revisions(allowed) => {
                let allowed = allowed.iter().copied().chain([0]).map(number);
                Some(Condition::OneOf("rev", allowed.collect()))
            }
        }
    }
}
