//! Identifiers from other systems.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

use super::invalid;
use crate::{
    sensitive::Sensitive,
    validation::{self, sensitive as hidden, trimmed},
};

/// An identifier of a patient from another system, such as an insurance number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Identifier {
    /// The system in which the value is unique, an absolute URI.
    #[serde(deserialize_with = "trimmed")]
    #[validate(length(max = 200), custom(function = validation::uri))]
    #[schema(format = "uri", max_length = 200, example = "urn:oid:2.16.756.5.32")]
    pub system: String,
    /// The identifier in the system.
    #[serde(deserialize_with = "trimmed")]
    #[validate(length(max = 100), custom(function = hidden::line))]
    #[schema(value_type = String, min_length = 1, max_length = 100)]
    pub value: Sensitive<String>,
}

impl Identifier {
    /// Validates that a list has no identifier twice.
    pub(super) fn distinct(list: &[Self]) -> Result<(), ValidationError> {
        let Some(at) = (1..list.len()).find(|at| list[..*at].contains(&list[*at])) else {
            return Ok(());
        };
        let mut repeated = invalid("distinct", "must not repeat an identifier");
        repeated.add_param(Cow::Borrowed(validation::BELOW), &format!("/{at}"));
        Err(repeated)
    }
}
