//! An entry of the audit log: who changed what and when, and the names of what changed, without values (FHIR `AuditEvent`).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{ClinicId, RecordId};

/// What was done to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[schema(as = AuditAction)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It was made.
    Create,
    /// It was changed.
    Update,
    /// It was deleted.
    Delete,
}

/// A change of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// The stream's id of the change.
    pub event_id: String,
    /// What was done.
    pub action: Action,
    /// The record's item type, as `appointment`.
    pub record_kind: String,
    /// The record.
    pub record_id: RecordId,
    /// The clinic that it is of, if it is of one.
    pub clinic_id: Option<ClinicId>,
    /// When.
    pub recorded: Timestamp,
    /// Who: the `sub` of their token.
    pub subject: String,
    /// The id of their request.
    pub asked_by: String,
    /// The record's new revision; none once it is deleted.
    pub record_rev: Option<u64>,
    /// The names of what changed.
    pub changed: Vec<String>,
}
