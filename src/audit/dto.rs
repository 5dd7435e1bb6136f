//! Accesses as they go out over HTTP.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::model::Access;
use crate::{id::PatientId, store::Entity};

/// An access to what is known of a patient.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Access, example = json!({
    "patient_id": "PAT-7ZQ4N0W8K2M6T1V5X9B3C4D0",
    "operation": "get_patient",
    "subject": "anna.keller",
    "at": "2027-03-01T08:00:00Z"
}))]
pub struct AccessOut {
    /// The patient.
    pub patient_id: PatientId,
    /// What was asked for: an operation's id in this document, or `erase_patient`.
    pub operation: String,
    /// Who asked: the `sub` of their token.
    pub subject: String,
    /// When. The same caller asking for the same again within the minute is one access.
    pub at: Timestamp,
}

impl From<Entity<Access>> for AccessOut {
    fn from(Entity { value, .. }: Entity<Access>) -> Self {
        let Access { patient_id, operation, subject, at } = value;
        Self { patient_id, operation, subject, at }
    }
}
