//! People to contact about a patient.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::{
    name::{PersonName, PersonNameIn},
    phone::Phone,
};
use crate::{
    sensitive::Sensitive,
    validation::{sensitive as hidden, trimmed},
};

/// A person to contact about a patient, such as a parent or a guardian.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// What the person is to the patient, such as `mother`.
    #[serde(default, deserialize_with = "trimmed", skip_serializing_if = "Option::is_none")]
    #[validate(length(max = 60), custom(function = hidden::line))]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 60)]
    pub relationship: Option<Sensitive<String>>,
    /// The person's name.
    #[validate(nested)]
    #[schema(value_type = PersonNameIn)]
    pub name: PersonName,
    /// The person's telephone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[validate(nested)]
    pub phone: Option<Phone>,
}
