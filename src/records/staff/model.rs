//! Staff members.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::{
    id,
    records::{
        details::{ClinicDetails, Details},
        of_clinic::OfClinic,
    },
    time::WeeklyHours,
    validation,
};

/// A staff member of a clinic, who can be booked there.
pub type StaffMember = OfClinic<StaffDetails>;

/// A staff member to be created, or the members of one that can be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StaffIn, example = json!({
    "name": "Dr. Anna Keller",
    "role": "physician",
    "specialty": "general practice",
    "active": true,
    "working_hours": [
        { "weekday": "monday", "from": "08:00", "to": "12:00" },
        { "weekday": "tuesday", "from": "08:00", "to": "12:00" }
    ]
}))]
pub struct StaffDetails {
    /// Their name.
    #[validate(length(max = 200), custom(function = validation::line))]
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// Their role: lower-case letters, digits and underscores.
    #[validate(length(max = 40), custom(function = validation::role))]
    #[schema(max_length = 40, pattern = "^[a-z][a-z0-9_]*$", example = "physician")]
    pub role: String,
    /// Their medical specialty.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[validate(length(max = 100), custom(function = validation::line))]
    #[schema(min_length = 1, max_length = 100)]
    pub specialty: Option<String>,
    /// Whether they can be booked. False deactivates them.
    #[serde(default = "validation::yes")]
    #[schema(default = true)]
    pub active: bool,
    /// Weekly working hours in the clinic's local time; a day may have several spans.
    #[serde(default)]
    #[validate(length(max = 56), custom(function = validation::weekly_hours))]
    #[schema(max_items = 56)]
    pub working_hours: Vec<WeeklyHours>,
}

impl Details for StaffDetails {
    type Kind = id::Staff;
    const SCHEMA: &'static str = "StaffMember";
    const DESCRIPTION: &'static str = "A staff member.";
}

impl ClinicDetails for StaffDetails {
    const TYPE: &'static str = "staff";
    const PREFIX: &'static str = "STAFF";
}
