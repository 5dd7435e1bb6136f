//! Patients as they come and go over HTTP.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

use super::model::Patient;
use crate::{
    id::PatientId, sensitive::Sensitive, time::optional_date, validation::sensitive as hidden,
};

/// A patient to be made, or all that can be changed of one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Ida Example",
    "mrn": "A-2027-0001",
    "birth_date": "1984-02-29",
    "phone": "+41795551234",
    "email": "ida@example.org"
}))]
pub struct PatientIn {
    /// Their record number (MRN), unique in the organisation.
    #[validate(length(max = 64), custom(function = hidden::record_number))]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._/-]+$")]
    pub mrn: Option<Sensitive<String>>,
    /// Their name.
    #[validate(length(max = 200), custom(function = hidden::line))]
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    pub name: Sensitive<String>,
    /// When they were born; not in the future, nor before 1850.
    #[serde(default, deserialize_with = "optional_date")]
    #[validate(custom(function = since_1850))]
    #[schema(value_type = Option<String>, format = Date, example = "1984-02-29")]
    pub birth_date: Option<Sensitive<Date>>,
    /// Telephone number in E.164 form.
    #[validate(custom(function = hidden::phone))]
    #[schema(value_type = Option<String>, pattern = r"^\+[1-9][0-9]{6,14}$", example = "+41795551234")]
    pub phone: Option<Sensitive<String>>,
    /// E-mail address.
    #[validate(email, length(max = 254))]
    #[schema(value_type = Option<String>, format = "email", max_length = 254)]
    pub email: Option<Sensitive<String>>,
    /// What staff should know.
    #[validate(length(max = 4000), custom(function = hidden::text))]
    #[schema(value_type = Option<String>, max_length = 4000)]
    pub notes: Option<Sensitive<String>>,
    /// Whether appointments can be booked for them.
    #[serde(default = "active")]
    #[schema(default = true)]
    pub active: bool,
}

fn active() -> bool {
    true
}

fn since_1850(date: &Sensitive<Date>) -> Result<(), ValidationError> {
    if date.expose().year() >= 1850 {
        return Ok(());
    }
    Err(ValidationError::new("birth_date").with_message("must not be before 1850".into()))
}

/// A patient.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Patient, example = json!({
    "id": "PAT-7ZQ4N0W8K2M6T1V5X9B3C4D0",
    "mrn": "A-2027-0001",
    "name": "Ida Example",
    "birth_date": "1984-02-29",
    "phone": "+41795551234",
    "email": "ida@example.org",
    "active": true,
    "created_at": "2027-03-01T08:00:00Z",
    "updated_at": "2027-03-01T08:00:00Z"
}))]
pub struct PatientOut {
    /// Their id.
    pub id: PatientId,
    /// Their record number (MRN).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub mrn: Option<Sensitive<String>>,
    /// Their name.
    #[schema(value_type = String)]
    pub name: Sensitive<String>,
    /// When they were born.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date, nullable = false)]
    pub birth_date: Option<Sensitive<Date>>,
    /// Telephone number in E.164 form.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub phone: Option<Sensitive<String>>,
    /// E-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false, format = "email")]
    pub email: Option<Sensitive<String>>,
    /// What staff should know.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub notes: Option<Sensitive<String>>,
    /// Whether appointments can be booked for them.
    pub active: bool,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl PatientOut {
    /// The patient with the times of their record.
    #[must_use]
    pub fn new(patient: Patient, created_at: Timestamp, updated_at: Timestamp) -> Self {
        let Patient { id, mrn, name, birth_date, phone, email, notes, active } = patient;
        Self { id, mrn, name, birth_date, phone, email, notes, active, created_at, updated_at }
    }
}

impl PatientIn {
    /// The patient that this describes, under an id.
    #[must_use]
    pub fn into_patient(self, id: PatientId) -> Patient {
        let Self { mrn, name, birth_date, phone, email, notes, active } = self;
        Patient { id, mrn, name, birth_date, phone, email, notes, active }
    }
}

impl From<Patient> for PatientIn {
    fn from(patient: Patient) -> Self {
        let Patient { mrn, name, birth_date, phone, email, notes, active, .. } = patient;
        Self { mrn, name, birth_date, phone, email, notes, active }
    }
}
