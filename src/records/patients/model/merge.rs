//! Merges: two records of one person become one.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::PatientDetails;
use crate::id::{AppointmentId, ClinicId, PatientId};

/// The maximum number of identifiers of a patient.
pub const MAX_IDENTIFIERS: usize = 6;

/// The merge of a patient into another one, and what stayed with the merged record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PatientMerge, example = json!({
    "patient_id": "PAT-9G1V4R7Y2N5Q8W0D3H6K1M4P",
    "merged_into": "PAT-7ZQ4N0W8K2M6T1V5X9B3C4D0",
    "kept_mrn": true,
    "kept_identifiers": false,
    "kept": [{
        "appointment_id": "APT-A1TQ7M2K9QW4X8B1N6T5V0C3",
        "clinic_id": "CLN-4T8W1N6Q0Z3K7M9X2B5V8D1R",
        "start": "2027-03-02T09:00:00+01:00"
    }]
}))]
pub struct Merge {
    /// The merged patient.
    pub patient_id: PatientId,
    /// The patient that has the appointments now.
    pub merged_into: PatientId,
    /// Whether the merged record keeps its record number, because the other one has its own.
    pub kept_mrn: bool,
    /// Whether the merged record keeps identifiers, because the other one has no room for them.
    pub kept_identifiers: bool,
    /// The appointments that the merged record keeps, because they overlap others of the patient.
    /// At most 100; the list of the merged patient's appointments has all. Cancel or delete one of
    /// two, and repeat the request to move the other.
    #[schema(max_items = 100)]
    pub kept: Vec<KeptAppointment>,
}

/// An appointment that a merged record keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeptAppointment {
    /// The appointment.
    pub appointment_id: AppointmentId,
    /// Its clinic.
    pub clinic_id: ClinicId,
    /// The start, with the clinic's UTC offset (RFC 3339).
    #[schema(format = "date-time")]
    pub start: String,
}

/// Moves the record number and identifiers of a patient to another one: the number if the other has
/// none, and identifiers until the other has the maximum.
pub fn move_identifiers(from: &mut PatientDetails, to: &mut PatientDetails) {
    if to.mrn.is_none() {
        to.mrn = from.mrn.take();
    }
    let room = MAX_IDENTIFIERS.saturating_sub(to.identifiers.len());
    let moved = from.identifiers.len().min(room);
    to.identifiers.extend(from.identifiers.drain(..moved));
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn patient(mrn: Option<&str>, identifiers: std::ops::Range<usize>) -> PatientDetails {
        let identifier = |value: usize| json!({ "system": "urn:a", "value": value.to_string() });
        let identifiers: Vec<Value> = identifiers.map(identifier).collect();
        let patient = json!({ "name": "Ida", "mrn": mrn, "identifiers": identifiers });
        serde_json::from_value(patient).unwrap()
    }

    #[test]
    fn identifiers_move_if_there_is_room() {
        for (from, to, left, merged) in [
            ((Some("A"), 0..2), (None, 2..3), (None, 0), (Some("A"), 3)),
            ((Some("A"), 0..2), (Some("B"), 2..3), (Some("A"), 0), (Some("B"), 3)),
            ((None, 0..4), (None, 4..8), (None, 2), (None, 6)),
            ((None, 0..6), (Some("B"), 6..12), (None, 6), (Some("B"), 6)),
        ] {
            let (mut from, mut to) = (patient(from.0, from.1), patient(to.0, to.1));
            move_identifiers(&mut from, &mut to);
            let seen = |patient: &PatientDetails| {
                let mrn = patient.mrn.as_ref().map(|mrn| mrn.expose().clone());
                (mrn, patient.identifiers.len())
            };
            let expected = |(mrn, number): (Option<&str>, _)| (mrn.map(str::to_owned), number);
            assert_eq!((seen(&from), seen(&to)), (expected(left), expected(merged)));
        }
    }
}
