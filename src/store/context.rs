//! The context of a write, and the caller's preconditions.

use jiff::Timestamp;

use super::{
    attributes::{Item, string, text},
    errors::StoreError,
    expression::Change,
    idempotency_key::Idempotency,
};
use crate::id::{OrgId, random_token};

/// The context of a write: caller, request, instant and preconditions.
#[derive(Debug, Clone)]
pub struct WriteContext {
    /// The caller's organisation.
    pub org: OrgId,
    /// The caller, for `updated_by`.
    pub subject: String,
    /// The operation, as the policy names it. Empty for a write of the service's own.
    pub operation: &'static str,
    /// Unique to this write. It is stored with the data, so that a repeated request recognises its
    /// own work. Several transactions may share it if each one reads again what an earlier one
    /// wrote before it sets a condition on that.
    pub request_id: String,
    /// The instant of the request.
    pub now: Timestamp,
    /// The revisions that the caller allows (`If-Match` and `If-None-Match`).
    pub precondition: Precondition,
    /// The caller's `Idempotency-Key`, if it sent one.
    pub idempotency: Option<Idempotency>,
}

impl WriteContext {
    /// Creates the context of a write without preconditions and without an `Idempotency-Key`.
    pub fn internal(org: OrgId, subject: &str, request_id: String, now: Timestamp) -> Self {
        let (subject, precondition) = (subject.to_owned(), Precondition::None);
        Self { org, subject, operation: "", request_id, now, precondition, idempotency: None }
    }

    /// Creates the context of a write that belongs to no organisation: leases, registrations, the
    /// table format.
    pub fn system(subject: &str, now: Timestamp) -> Self {
        let org =
            "system".parse::<OrgId>().unwrap_or_else(|_| unreachable!("the literal is valid"));
        Self::internal(org, subject, random_token(), now)
    }

    /// Returns the change that every update makes: revision, author and time.
    pub fn touch(&self) -> Change {
        Change::default()
            .set("updated_at", string(self.now))
            .set("updated_by", string(&self.subject))
            .set("request_id", string(&self.request_id))
            .increment("rev")
    }

    /// Returns whether this write has written an item.
    pub(super) fn wrote(&self, item: &Item) -> bool {
        text(item, "request_id") == Some(self.request_id.as_str())
    }
}

/// The revisions that a caller allows to be changed (RFC 9110, `If-Match` and `If-None-Match`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Precondition {
    /// No precondition.
    #[default]
    None,
    /// One of these revisions. An empty list allows nothing.
    Revisions(Vec<u64>),
    /// Every revision except these.
    Except(Vec<u64>),
}

impl Precondition {
    /// Refuses a revision that the caller does not allow.
    pub fn check(&self, rev: u64) -> Result<(), StoreError> {
        let is_allowed = match self {
            Self::None => true,
            Self::Revisions(allowed) => allowed.contains(&rev),
            Self::Except(excluded) => !excluded.contains(&rev),
        };
        is_allowed.then_some(()).ok_or(StoreError::Stale { rev })
    }
}
