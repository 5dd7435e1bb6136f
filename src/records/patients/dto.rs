//! Patients as callers see them, and the results of a search.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    model::{
        Gender, PartialDate, Patient, PatientRecord, PersonName,
        search::{MatchKind, SearchEntry, terms},
    },
    repo::Hit,
};
use crate::{id::PatientId, records::shown::Shown, sensitive::Sensitive, store::Entity};

/// A patient as it is returned to callers.
pub type PatientOut = Shown<PatientRecord>;

impl From<Entity<Patient>> for PatientOut {
    fn from(Entity { value, meta }: Entity<Patient>) -> Self {
        Entity { value: value.record, meta }.into()
    }
}

/// A new patient.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = CreatedPatient)]
pub struct CreatedPatientOut {
    /// The patient.
    #[serde(flatten)]
    pub patient: PatientOut,
    /// Up to five patients that may be the same person: all words of the name, and the date of birth
    /// or the preferred telephone number, are the same. Absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, max_items = 5)]
    pub possible_duplicates: Vec<PatientId>,
}

impl From<Entity<Patient>> for CreatedPatientOut {
    fn from(patient: Entity<Patient>) -> Self {
        let possible_duplicates = patient.value.possible_duplicates.clone();
        Self { patient: patient.into(), possible_duplicates }
    }
}

/// A page of the patients that a search found.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PatientMatchPage)]
pub struct MatchPage {
    /// The patients, the best match first, then by name, date of birth and id.
    pub items: Vec<PatientMatch>,
    /// Send it as `cursor` to get the next page. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_cursor: Option<String>,
    /// Whether more than 1,000 patients match one of the search terms, so that some may be missing.
    /// Send more letters of the name, or the date of birth.
    pub more_specific: bool,
}

/// A patient that a search found. `GET /v1/patients/{patient_id}` returns the whole record.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "PAT-7ZQ4N0W8K2M6T1V5X9B3C4D0",
    "name": { "family": "Example", "given": ["Ida"] },
    "gender": "female",
    "birth_date": "1984-02-29",
    "phones": ["+41795551234"],
    "email": "ida@example.org",
    "mrn": "A-2027-0001",
    "active": true,
    "deceased": false,
    "match": "prefix"
}))]
pub struct PatientMatch {
    /// The patient.
    pub id: PatientId,
    /// The name.
    pub name: PersonName,
    /// The administrative gender.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub gender: Option<Gender>,
    /// The date of birth, or the part of it that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub birth_date: Option<Sensitive<PartialDate>>,
    /// The telephone numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Option<Vec<String>>, nullable = false)]
    pub phones: Vec<Sensitive<String>>,
    /// The e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub email: Option<Sensitive<String>>,
    /// The medical record number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub mrn: Option<Sensitive<String>>,
    /// Whether appointments can be booked for the patient.
    pub active: bool,
    /// Whether the patient has died.
    pub deceased: bool,
    /// How well the name matches.
    #[serde(rename = "match")]
    pub kind: MatchKind,
}

impl From<Hit> for PatientMatch {
    fn from(Hit { id, entry, kind }: Hit) -> Self {
        let SearchEntry { name, gender, birth_date, phones, email, mrn, active, deceased } = entry;
        Self { id, name, gender, birth_date, phones, email, mrn, active, deceased, kind }
    }
}

/// The position of a patient in the results of a search.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MatchPosition(u8, String, String, PatientId);

impl From<&Hit> for MatchPosition {
    fn from(Hit { id, entry, kind }: &Hit) -> Self {
        let name = terms::words(&entry.name).join(" ");
        let born = entry.birth_date.as_ref().map(|date| date.expose().to_string());
        Self(*kind as u8, name, born.unwrap_or_default(), id.clone())
    }
}
