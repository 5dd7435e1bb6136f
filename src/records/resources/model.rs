//! Rooms and equipment.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::{
    id,
    records::{
        details::{ClinicDetails, Details},
        of_clinic::OfClinic,
    },
    validation,
};

/// A room or a piece of equipment of a clinic, which appointments can use.
pub type Resource = OfClinic<ResourceDetails>;

/// The members of a resource that callers set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ClinicResourceIn, example = json!({
    "name": "Treatment room 2",
    "kind": "room",
    "active": true
}))]
pub struct ResourceDetails {
    /// The name.
    #[validate(length(max = 200), custom(function = validation::line))]
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// The kind: lower-case letters, digits and underscores.
    #[validate(length(max = 40), custom(function = validation::role))]
    #[schema(max_length = 40, pattern = "^[a-z][a-z0-9_]*$", example = "room")]
    pub kind: String,
    /// Whether it can be booked.
    #[serde(default = "validation::yes")]
    #[schema(default = true)]
    pub active: bool,
}

impl Details for ResourceDetails {
    type Kind = id::Resource;
    const SCHEMA: &'static str = "ClinicResource";
    const DESCRIPTION: &'static str = "A room or a piece of equipment.";
}

impl ClinicDetails for ResourceDetails {
    const TYPE: &'static str = "resource";
    const PREFIX: &'static str = "RESOURCE";
}
