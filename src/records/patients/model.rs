//! Patients of an organisation, known at all its clinics.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

use crate::{
    id,
    records::{details::Details, of_org::OfOrg},
    sensitive::Sensitive,
    time::optional_date,
    validation::{self, sensitive as hidden},
};

/// A patient.
pub type Patient = OfOrg<PatientDetails>;

/// A patient to be created, or the members of one that can be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PatientIn, example = json!({
    "name": "Ida Example",
    "mrn": "A-2027-0001",
    "birth_date": "1984-02-29",
    "phone": "+41795551234",
    "email": "ida@example.org",
    "active": true
}))]
pub struct PatientDetails {
    /// Their record number (MRN), unique in the organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[validate(length(max = 64), custom(function = hidden::record_number))]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._/-]+$")]
    pub mrn: Option<Sensitive<String>>,
    /// Their name.
    #[validate(length(max = 200), custom(function = hidden::line))]
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    pub name: Sensitive<String>,
    /// When they were born; not in the future, nor before 1850.
    #[serde(default, deserialize_with = "optional_date", skip_serializing_if = "Option::is_none")]
    #[validate(custom(function = since_1850))]
    #[schema(value_type = Option<String>, format = Date, example = "1984-02-29")]
    pub birth_date: Option<Sensitive<Date>>,
    /// Telephone number in E.164 form.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[validate(custom(function = hidden::phone))]
    #[schema(value_type = Option<String>, pattern = r"^\+[1-9][0-9]{6,14}$", example = "+41795551234")]
    pub phone: Option<Sensitive<String>>,
    /// E-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[validate(email, length(max = 254))]
    #[schema(value_type = Option<String>, format = "email", max_length = 254)]
    pub email: Option<Sensitive<String>>,
    /// What staff should know.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[validate(length(max = 4000), custom(function = hidden::text))]
    #[schema(value_type = Option<String>, max_length = 4000)]
    pub notes: Option<Sensitive<String>>,
    /// Whether appointments can be booked for them.
    #[serde(default = "validation::yes")]
    #[schema(default = true)]
    pub active: bool,
}

impl PatientDetails {
    /// A patient of whom nothing but the name is known.
    pub fn named(name: String) -> Self {
        Self {
            mrn: None,
            name: name.into(),
            birth_date: None,
            phone: None,
            email: None,
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

fn since_1850(date: &Sensitive<Date>) -> Result<(), ValidationError> {
    if date.expose().year() >= 1850 {
        return Ok(());
    }
    Err(ValidationError::new("birth_date").with_message("must not be before 1850".into()))
}
