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
    validation::{self, optional_phone, sensitive as hidden},
};

/// A patient.
pub type Patient = OfOrg<PatientDetails>;

/// The members of a patient that callers set.
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
    /// The medical record number (MRN), unique in the organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[validate(length(max = 64), custom(function = hidden::record_number))]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._/-]+$")]
    pub mrn: Option<Sensitive<String>>,
    /// The name.
    #[validate(length(max = 200), custom(function = hidden::line))]
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    pub name: Sensitive<String>,
    /// The date of birth: from 1850 on and not in the future.
    #[serde(default, deserialize_with = "optional_date", skip_serializing_if = "Option::is_none")]
    #[validate(custom(function = since_1850))]
    #[schema(value_type = Option<String>, format = Date, example = "1984-02-29")]
    pub birth_date: Option<Sensitive<Date>>,
    /// The telephone number with country code, stored in E.164 form, such as `+41795551234`. Spaces
    /// and `- . / ( )` are removed.
    #[serde(default, deserialize_with = "optional_phone", skip_serializing_if = "Option::is_none")]
    #[validate(custom(function = hidden::phone))]
    #[schema(value_type = Option<String>, example = "+41 79 555 12 34")]
    pub phone: Option<Sensitive<String>>,
    /// The e-mail address. Non-ASCII letters are allowed (RFC 6531). The domain must have a dot.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[validate(length(max = 254), custom(function = hidden::email))]
    #[schema(value_type = Option<String>, format = "idn-email", max_length = 254)]
    pub email: Option<Sensitive<String>>,
    /// Notes for staff.
    #[serde(skip_serializing_if = "Option::is_none")]
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
