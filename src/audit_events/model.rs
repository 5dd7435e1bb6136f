//! The entries of the audit log, as they are stored and returned: who changed which members and
//! when, without values (FHIR `AuditEvent`).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    id::{ClinicId, RecordId},
    store::Entity,
};

/// The kind of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[schema(as = AuditAction)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The record was created.
    Create,
    /// The record was changed.
    Update,
    /// The record was deleted.
    Delete,
}

/// An entry of the audit log: a change of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// The id of the change in the stream.
    pub event_id: String,
    /// The kind of the change.
    pub action: Action,
    /// The record's item type, for example `appointment`.
    pub record_kind: String,
    /// The record.
    pub record_id: RecordId,
    /// The record's clinic, if it has one.
    pub clinic_id: Option<ClinicId>,
    /// The time of the change.
    pub recorded: Timestamp,
    /// The caller: the `sub` of the token.
    pub subject: String,
    /// The id of the request.
    pub asked_by: String,
    /// The record's new revision. `None` after a deletion.
    pub record_rev: Option<u64>,
    /// The names of the changed members.
    pub changed: Vec<String>,
}

/// An entry of the audit log: a change of a record.
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
    /// The id of the change. Events about the change have the same id.
    pub event_id: String,
    /// The kind of the change.
    pub action: Action,
    /// The record type, for example `appointment`.
    pub record_type: String,
    /// The record.
    pub record_id: String,
    /// The record's clinic.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub clinic_id: Option<String>,
    /// The time of the change.
    pub recorded: Timestamp,
    /// The caller: the `sub` of the token.
    pub subject: String,
    /// The id of the request.
    pub request_id: String,
    /// The record's revision after the change. Omitted after a deletion.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub rev: Option<u64>,
    /// The names of the changed members, without values.
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
