//! The postal address of a patient.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

use super::invalid;
use crate::{
    sensitive::Sensitive,
    validation::{lines, sensitive as hidden, trimmed, trimmed_list},
};

/// The postal address of a patient. It has at least one member.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PatientAddress)]
pub struct Address {
    /// Street and number, in up to four lines of up to 200 characters.
    #[serde(default, deserialize_with = "trimmed_list", skip_serializing_if = "Vec::is_empty")]
    #[validate(length(max = 4), custom(function = address_lines))]
    #[schema(value_type = Option<Vec<String>>, max_items = 4)]
    pub lines: Vec<Sensitive<String>>,
    /// City, town or village.
    #[serde(default, deserialize_with = "trimmed", skip_serializing_if = "Option::is_none")]
    #[validate(length(max = 100), custom(function = hidden::line))]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100)]
    pub city: Option<Sensitive<String>>,
    /// District or county.
    #[serde(default, deserialize_with = "trimmed", skip_serializing_if = "Option::is_none")]
    #[validate(length(max = 100), custom(function = hidden::line))]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100)]
    pub district: Option<Sensitive<String>>,
    /// State, canton or province.
    #[serde(default, deserialize_with = "trimmed", skip_serializing_if = "Option::is_none")]
    #[validate(length(max = 100), custom(function = hidden::line))]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100)]
    pub state: Option<Sensitive<String>>,
    /// Postal code.
    #[serde(default, deserialize_with = "trimmed", skip_serializing_if = "Option::is_none")]
    #[validate(length(max = 20), custom(function = hidden::line))]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 20)]
    pub postal_code: Option<Sensitive<String>>,
    /// ISO 3166-1 alpha-2 country code.
    #[serde(default, deserialize_with = "trimmed", skip_serializing_if = "Option::is_none")]
    #[validate(custom(function = hidden::country))]
    #[schema(value_type = Option<String>, pattern = "^[A-Z]{2}$", example = "CH")]
    pub country: Option<Sensitive<String>>,
}

impl Address {
    /// Validates that the address has a member.
    pub(super) fn not_empty(&self) -> Result<(), ValidationError> {
        if *self != Self::default() {
            return Ok(());
        }
        Err(invalid("empty", "must have a member; to remove the address, send null"))
    }
}

fn address_lines(list: &[Sensitive<String>]) -> Result<(), ValidationError> {
    lines(list.iter().map(Sensitive::expose), 200)
}
