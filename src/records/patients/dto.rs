//! Patients as callers see them, merges, and the results of a search.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ArrayBuilder, Ref, RefOr, schema::Schema},
};
use validator::Validate;

use super::{
    model::{
        Gender, PartialDate, Patient, PatientRecord, PersonName,
        search::{MatchKind, terms},
    },
    repo::Hit,
};
use crate::{
    id::{self, IdKind as _, PatientId},
    records::shown::Shown,
    sensitive::Sensitive,
    store::Entity,
};

const MERGED_INTO: &str = "The patient into which this one was merged. Such a patient is inactive and cannot be changed. FHIR: a link of the type `replaced-by`.";
const REPLACES: &str = "The patients that were merged into this one, without those merged into them. FHIR: links of the type `replaces`.";

/// A patient as it is returned to callers.
#[derive(Debug, Clone, Serialize)]
pub struct PatientOut {
    /// The record.
    #[serde(flatten)]
    shown: Shown<PatientRecord>,
    /// The patient into which this one was merged.
    #[serde(skip_serializing_if = "Option::is_none")]
    merged_into: Option<PatientId>,
    /// The patients that were merged into this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    replaces: Vec<PatientId>,
}

impl From<Entity<Patient>> for PatientOut {
    fn from(Entity { value, meta }: Entity<Patient>) -> Self {
        let Patient { record, merged_into, replaces, .. } = value;
        Self { shown: Entity { value: record, meta }.into(), merged_into, replaces }
    }
}

impl ToSchema for PatientOut {
    fn name() -> Cow<'static, str> {
        Shown::<PatientRecord>::name()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Shown::<PatientRecord>::schemas(schemas);
    }
}

impl PartialSchema for PatientOut {
    /// Returns the schema of the record, plus the members about merges.
    fn schema() -> RefOr<Schema> {
        let mut schema = Shown::<PatientRecord>::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            let id = || Ref::from_schema_name(id::Patient::SCHEMA);
            let mut merged_into = id();
            MERGED_INTO.clone_into(&mut merged_into.description);
            object.properties.insert("merged_into".to_owned(), merged_into.into());
            let replaces = ArrayBuilder::new().items(id()).description(Some(REPLACES)).build();
            object.properties.insert("replaces".to_owned(), Schema::Array(replaces).into());
        }
        schema
    }
}

/// The merge of a patient into another one.
#[derive(Debug, Clone, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PatientMergeIn, example = json!({ "into": "PAT-7ZQ4N0W8K2M6T1V5X9B3C4D0" }))]
pub struct MergeIn {
    /// The patient that stays: another patient of the organisation.
    pub into: PatientId,
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
    /// Whether the search did not read all patients that may match, for example because more than
    /// 1,000 have the beginning of the name. Send more letters of the name, or the date of birth.
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
    /// The patient into which this one was merged.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub merged_into: Option<PatientId>,
    /// How well the name matches.
    #[serde(rename = "match")]
    pub kind: MatchKind,
}

impl From<Hit> for PatientMatch {
    fn from(Hit { id, entry, kind }: Hit) -> Self {
        Self {
            id,
            name: entry.name,
            gender: entry.gender,
            birth_date: entry.birth_date,
            phones: entry.phones,
            email: entry.email,
            mrn: entry.mrn,
            active: entry.active,
            deceased: entry.deceased,
            merged_into: entry.merged_into,
            kind,
        }
    }
}

/// The maximum length of a name in a position, in characters. Cursors are sent in URLs.
const MAX_NAME: usize = 60;

/// The position of a patient in the results of a search.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MatchPosition {
    /// How well the name matches.
    pub kind: MatchKind,
    name: String,
    born: String,
    id: PatientId,
}

impl From<&Hit> for MatchPosition {
    fn from(Hit { id, entry, kind }: &Hit) -> Self {
        let name = terms::words(&entry.name).join(" ").chars().take(MAX_NAME).collect();
        let born = entry.birth_date.as_ref().map(|date| date.expose().to_string());
        Self { kind: *kind, name, born: born.unwrap_or_default(), id: id.clone() }
    }
}
