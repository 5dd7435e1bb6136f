//! Telephone numbers of people.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::{
    sensitive::Sensitive,
    validation::{phone_number, sensitive as hidden, trimmed},
};

/// A telephone number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Phone {
    /// The number with country code, stored in E.164 form, such as `+41795551234`: 7 to 15 digits.
    /// Spaces, dashes, `. / ( )`, invisible marks and `tel:` are removed, and `00` at the beginning
    /// becomes `+`. `(0)` is refused.
    #[serde(deserialize_with = "phone_number")]
    #[validate(custom(function = hidden::phone))]
    #[schema(value_type = String, example = "+41 79 555 12 34")]
    pub value: Sensitive<String>,
    /// The extension to dial after the connection: 1 to 10 digits.
    #[serde(default, deserialize_with = "trimmed", skip_serializing_if = "Option::is_none")]
    #[validate(custom(function = hidden::extension))]
    #[schema(value_type = Option<String>, pattern = "^[0-9]{1,10}$", example = "12")]
    pub extension: Option<Sensitive<String>>,
    /// What the number is for.
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub purpose: Option<PhoneUse>,
}

/// What a telephone number is for (FHIR `contact-point-use`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum PhoneUse {
    Home,
    Work,
    Temp,
    Old,
    Mobile,
}
