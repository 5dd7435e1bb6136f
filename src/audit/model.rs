//! What is remembered of an access to a patient's data, and shown of it: ids alone.

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{id::PatientId, store::Entity};

/// What stands as the operation of an erasure.
pub const ERASURE: &str = "erase_patient";

/// An access to what is known of a patient.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "patient_id": "PAT-7ZQ4N0W8K2M6T1V5X9B3C4D0",
    "operation": "get_patient",
    "subject": "anna.keller",
    "at": "2027-03-01T08:00:00Z"
}))]
pub struct Access {
    /// The patient.
    pub patient_id: PatientId,
    /// What was asked for: an operation's id in this document, or `erase_patient`.
    pub operation: String,
    /// Who asked: the `sub` of their token.
    pub subject: String,
    /// When. The same caller asking for the same again within the minute is one access.
    pub at: Timestamp,
}

impl From<Entity<Access>> for Access {
    fn from(entity: Entity<Access>) -> Self {
        entity.value
    }
}

impl Access {
    /// The minute of the access. What the same caller asks for again within it is one access.
    pub(super) fn minute(&self) -> Timestamp {
        let to_minute = TimestampRound::new().smallest(Unit::Minute).mode(RoundMode::Floor);
        self.at.round(to_minute).unwrap_or(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accesses_of_one_minute_have_the_same() {
        let access = |at: &str| Access {
            patient_id: PatientId::random(),
            operation: "get_patient".to_owned(),
            subject: "anna".to_owned(),
            at: at.parse().unwrap(),
        };
        let minute = |at| access(at).minute().to_string();
        assert_eq!(minute("2035-01-15T08:00:00Z"), "2035-01-15T08:00:00Z");
        assert_eq!(minute("2035-01-15T08:00:59.999Z"), "2035-01-15T08:00:00Z");
        assert_eq!(minute("2035-01-15T08:01:00Z"), "2035-01-15T08:01:00Z");
    }
}
