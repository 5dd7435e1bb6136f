//! What is remembered of an access to a patient's data, and shown of it: ids alone.

use jiff::{SignedDuration, Timestamp};
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
    #[must_use]
    pub fn minute(&self) -> Timestamp {
        let seconds = SignedDuration::from_secs(self.at.as_second().rem_euclid(60));
        let minute = self.at.saturating_sub(seconds).unwrap_or(self.at);
        Timestamp::from_second(minute.as_second()).unwrap_or(self.at)
    }

    /// The same as one of its whole minute: equal to every other of that patient, operation and caller in it.
    #[must_use]
    pub fn of_its_minute(&self) -> Self {
        Self { at: self.minute(), ..self.clone() }
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
        let minute = |at| access(at).of_its_minute().at.to_string();
        assert_eq!(minute("2035-01-15T08:00:00Z"), "2035-01-15T08:00:00Z");
        assert_eq!(minute("2035-01-15T08:00:59.999Z"), "2035-01-15T08:00:00Z");
        assert_eq!(minute("2035-01-15T08:01:00Z"), "2035-01-15T08:01:00Z");
    }
}
