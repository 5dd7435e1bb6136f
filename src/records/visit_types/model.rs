//! Visit types.

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

/// A visit type of a clinic, such as a first consultation.
pub type VisitType = OfClinic<VisitTypeDetails>;

/// The members of a visit type that callers set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = VisitTypeIn, example = json!({
    "name": "First consultation",
    "duration_minutes": 45,
    "buffer_before_minutes": 0,
    "buffer_after_minutes": 15,
    "roles": ["physician"]
}))]
pub struct VisitTypeDetails {
    /// The name.
    #[validate(length(max = 200), custom(function = validation::line))]
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// The duration in minutes.
    #[serde(deserialize_with = "validation::whole_number")]
    #[validate(range(min = 5, max = 720))]
    #[schema(minimum = 5, maximum = 720, example = 45)]
    pub duration_minutes: u16,
    /// The time that staff and resources need before the visit, in minutes.
    #[serde(default, deserialize_with = "validation::whole_number")]
    #[validate(range(max = 120))]
    #[schema(maximum = 120, default = 0, example = 0)]
    pub buffer_before_minutes: u16,
    /// The time that staff and resources need after the visit, in minutes.
    #[serde(default, deserialize_with = "validation::whole_number")]
    #[validate(range(max = 120))]
    #[schema(maximum = 120, default = 0, example = 15)]
    pub buffer_after_minutes: u16,
    /// The staff roles that may give the visit. An empty list allows every role.
    #[serde(default)]
    #[validate(length(max = 20), custom(function = validation::roles))]
    #[schema(max_items = 20, example = json!(["physician"]))]
    pub roles: Vec<String>,
}

impl Details for VisitTypeDetails {
    type Kind = id::VisitType;
    const SCHEMA: &'static str = "VisitType";
    const DESCRIPTION: &'static str = "A visit type.";
}

impl ClinicDetails for VisitTypeDetails {
    const TYPE: &'static str = "visit_type";
    const PREFIX: &'static str = "VISIT_TYPE";
}
