//! An entry of the audit log, as it is stored and as it is shown: who changed what and when, and the names of what changed,
//! without values (FHIR `AuditEvent`).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    id::{ClinicId, RecordId},
    store::Entity,
};

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

/// A change of a record.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = AuditEvent, example = json!({
    "event_id": "c81e728d9d4c2f636f067f89cc14862c",
    "action": "update",
    "record_type": "appointment",
    "record_id": "APT-A1TQ7M2K9QW4X8B1N6T5V0C3",
    "clinic_id": "CLN-4T8W1N6Q0Z3K7M9X2B5V8D1R",
    "recorded": "2027-03-01T08:00:00Z",
    "subject": "anna.keller",
    "request_id": "h2q4vt9oc99bth6bffph07p2",
    "rev": 2,
    "changed": ["status"]
}))]
pub struct AuditEventOut {
    /// The id of the change, which events of it have as well.
    pub event_id: String,
    /// What was done.
    pub action: Action,
    /// The record's type, as `appointment`.
    pub record_type: String,
    /// The record.
    pub record_id: String,
    /// The clinic that it is of.
    #[schema(required = true)]
    pub clinic_id: Option<String>,
    /// When.
    pub recorded: Timestamp,
    /// Who: the `sub` of their token.
    pub subject: String,
    /// The id of their request.
    pub request_id: String,
    /// The record's revision since; null once it is deleted.
    #[schema(required = true)]
    pub rev: Option<u64>,
    /// The names of what changed, without values.
    pub changed: Vec<String>,
}

impl From<Entity<AuditEvent>> for AuditEventOut {
    fn from(Entity { value: event, .. }: Entity<AuditEvent>) -> Self {
        Self {
            event_id: event.event_id,
            action: event.action,
            record_type: event.record_kind,
            record_id: event.record_id.into(),
            clinic_id: event.clinic_id.map(Into::into),
            recorded: event.recorded,
            subject: event.subject,
            request_id: event.asked_by,
            rev: event.record_rev,
            changed: event.changed,
        }
    }
}
