//! Patients of an organisation, known at all its clinics.

mod address;
mod contact;
mod date;
mod deceased;
mod gender;
mod identifier;
mod merge;
mod name;
mod phone;
pub mod search;
mod stored;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

pub use self::{
    address::Address,
    contact::Contact,
    date::{PartialDate, PartialDateError},
    deceased::{Deceased, Moment},
    gender::Gender,
    identifier::Identifier,
    merge::{KeptAppointment, Merge, move_identifiers},
    name::{PersonName, PersonNameIn},
    phone::{Phone, PhoneUse},
    stored::{Indexed, Patient, PatientRecord},
};
use crate::{
    id,
    records::details::Details,
    sensitive::Sensitive,
    validation::{self, list_or_null, sensitive as hidden, trimmed},
};

/// The members of a patient that callers set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = died_after_birth))]
#[schema(as = PatientIn, example = json!({
    "mrn": "A-2027-0001",
    "name": { "family": "Example", "given": ["Ida"] },
    "gender": "female",
    "birth_date": "1984-02-29",
    "phones": [{ "value": "+41795551234", "use": "mobile" }],
    "email": "ida@example.org",
    "address": { "lines": ["Seefeldstrasse 1"], "city": "Zürich", "postal_code": "8008", "country": "CH" },
    "language": "de-CH",
    "contacts": [{ "relationship": "mother", "name": { "text": "Ada Example" }, "phone": { "value": "+41795551235" } }],
    "identifiers": [{ "system": "urn:oid:2.16.756.5.32", "value": "7560000000002" }],
    "active": true
}))]
pub struct PatientDetails {
    /// The medical record number (MRN), unique in the organisation.
    #[serde(default, deserialize_with = "trimmed", skip_serializing_if = "Option::is_none")]
    #[validate(length(max = 64), custom(function = hidden::record_number))]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._/-]+$")]
    pub mrn: Option<Sensitive<String>>,
    /// The name.
    #[validate(nested)]
    #[schema(value_type = PersonNameIn)]
    pub name: PersonName,
    /// The administrative gender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gender: Option<Gender>,
    /// The date of birth, or the part of it that is known: `YYYY-MM-DD`, `YYYY-MM` or `YYYY`. From
    /// 1850 on and not in the future.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$", example = "1984-02-29")]
    pub birth_date: Option<Sensitive<PartialDate>>,
    /// The telephone numbers, the preferred one first.
    #[serde(default, deserialize_with = "list_or_null", skip_serializing_if = "Vec::is_empty")]
    #[validate(length(max = 4), nested)]
    #[schema(value_type = Option<Vec<Phone>>, max_items = 4)]
    pub phones: Vec<Phone>,
    /// The e-mail address. Non-ASCII letters are allowed (RFC 6531). The domain must have a dot.
    #[serde(default, deserialize_with = "trimmed", skip_serializing_if = "Option::is_none")]
    #[validate(length(max = 254), custom(function = hidden::email))]
    #[schema(value_type = Option<String>, format = "idn-email", max_length = 254)]
    pub email: Option<Sensitive<String>>,
    /// The postal address. It has at least one member.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[validate(custom(function = Address::not_empty), nested)]
    pub address: Option<Address>,
    /// The preferred language, a language tag (BCP 47), such as `de-CH`: language, script, region
    /// and variants.
    #[serde(default, deserialize_with = "trimmed", skip_serializing_if = "Option::is_none")]
    #[validate(length(max = 35), custom(function = hidden::language))]
    #[schema(
        value_type = Option<String>,
        max_length = 35,
        pattern = "^[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?(-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*$",
        example = "de-CH"
    )]
    pub language: Option<Sensitive<String>>,
    /// People to contact about the patient.
    #[serde(default, deserialize_with = "list_or_null", skip_serializing_if = "Vec::is_empty")]
    #[validate(length(max = 5), nested)]
    #[schema(value_type = Option<Vec<Contact>>, max_items = 5)]
    pub contacts: Vec<Contact>,
    /// Identifiers from other systems. Each is unique in the organisation.
    #[serde(default, deserialize_with = "list_or_null", skip_serializing_if = "Vec::is_empty")]
    #[validate(length(max = 6), custom(function = Identifier::distinct), nested)]
    #[schema(value_type = Option<Vec<Identifier>>, max_items = 6)]
    pub identifiers: Vec<Identifier>,
    /// Whether the patient is dead, or when the patient died.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deceased: Option<Deceased>,
    /// Notes for staff.
    #[serde(default, deserialize_with = "trimmed", skip_serializing_if = "Option::is_none")]
    #[validate(length(max = 4000), custom(function = hidden::text))]
    #[schema(value_type = Option<String>, max_length = 4000)]
    pub notes: Option<Sensitive<String>>,
    /// Whether appointments can be booked for the patient.
    #[serde(default = "validation::yes")]
    #[schema(default = true)]
    pub active: bool,
}

impl PatientDetails {
    /// Returns a patient with a name only.
    pub fn named(name: impl Into<PersonName>) -> Self {
        Self {
            mrn: None,
            name: name.into(),
            gender: None,
            birth_date: None,
            phones: Vec::new(),
            email: None,
            address: None,
            language: None,
            contacts: Vec::new(),
            identifiers: Vec::new(),
            deceased: None,
            notes: None,
            active: true,
        }
    }
}

impl Details for PatientDetails {
    type Kind = id::Patient;
    const SCHEMA: &'static str = "Patient";
    const DESCRIPTION: &'static str = "A patient.";
}

/// Refuses a date of death that is certainly before the date of birth.
fn died_after_birth(patient: &PatientDetails) -> Result<(), ValidationError> {
    let born = patient.birth_date.as_ref().map(|date| date.expose().earliest());
    match (born, patient.deceased.and_then(Deceased::latest)) {
        (Some(born), Some(died)) if died < born => {
            Err(validation::member("deceased", "must not be before the date of birth"))
        }
        _ => Ok(()),
    }
}

fn invalid(code: &'static str, message: &'static str) -> ValidationError {
    ValidationError::new(code).with_message(message.into())
}
