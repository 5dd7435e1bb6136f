//! The entries of the access log, as they are stored and returned. They hold ids only.

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{id::PatientId, store::Entity};

/// The `operation` of an erasure.
pub const ERASURE: &str = "erase_patient";

/// An entry of the access log: an access to a patient's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PatientAccess, example = json!({
    "patient_id": "PAT-7ZQ4N0W8K2M6T1V5X9B3C4D0",
    "operation": "get_patient",
    "subject": "anna.keller",
    "at": "2027-03-01T08:00:00Z"
}))]
pub struct Access {
    /// The patient.
    pub patient_id: PatientId,
    /// The operation: an `operationId` of this document, `erase_patient`, or `export_patients`: an
    /// operator exported all patients.
    pub operation: String,
    /// The caller: the `sub` of the token.
    pub subject: String,
    /// The time of the first such access within the hour (UTC). Further accesses by the same caller
    /// with the same operation in that hour are not listed.
    pub at: Timestamp,
    /// The fields by which the patient was searched, if the access was a search. The searched
    /// values are not stored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(nullable = false)]
    pub searched: Vec<String>,
}

impl From<Entity<Access>> for Access {
    fn from(entity: Entity<Access>) -> Self {
        entity.value
    }
}

/// The patients whose data one request returned. The worker derives access log entries from this
/// item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRequest {
    /// The unique id of the request.
    pub request: String,
    /// The caller: the `sub` of the token.
    pub subject: String,
    /// The `operationId`.
    pub operation: String,
    /// The patients whose data was returned.
    pub patient_ids: Vec<PatientId>,
    /// The time of the request.
    pub at: Timestamp,
    /// The fields of a search.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub searched: Vec<String>,
}

/// A caller, an operation and an hour: an access without its patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Caller<'a> {
    /// The caller's `sub`.
    pub subject: &'a str,
    /// The `operationId`.
    pub operation: &'a str,
    /// The start of the hour.
    pub hour: Timestamp,
}

impl<'a> Caller<'a> {
    /// Returns the caller of an operation, with the hour of the instant `at`.
    pub fn new(subject: &'a str, operation: &'a str, at: Timestamp) -> Self {
        let to_hour = TimestampRound::new().smallest(Unit::Hour).mode(RoundMode::Floor);
        Self { subject, operation, hour: at.round(to_hour).unwrap_or(at) }
    }
}

impl AccessRequest {
    /// Returns the caller of the request.
    pub fn caller(&self) -> Caller<'_> {
        Caller::new(&self.subject, &self.operation, self.at)
    }

    /// Returns the access to one of the patients.
    pub fn access(&self, patient: &PatientId) -> Access {
        Access {
            patient_id: patient.clone(),
            operation: self.operation.clone(),
            subject: self.subject.clone(),
            at: self.at,
            searched: self.searched.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_begins_with_its_first_instant() {
        let hour = |at: &str| Caller::new("anna", "get_day", at.parse().unwrap()).hour.to_string();
        assert_eq!(hour("2035-01-15T08:00:00Z"), "2035-01-15T08:00:00Z");
        assert_eq!(hour("2035-01-15T08:59:59.999Z"), "2035-01-15T08:00:00Z");
        assert_eq!(hour("2035-01-15T09:00:00Z"), "2035-01-15T09:00:00Z");
    }
}
