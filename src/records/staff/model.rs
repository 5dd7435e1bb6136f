//! Staff members.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::{
    id,
    records::{
        details::{ClinicDetails, Details, unrestrict_if_empty},
        of_clinic::OfClinic,
    },
    store::Shapes,
    time::WeeklyHours,
    validation,
};

/// A staff member of a clinic, who can be booked there.
pub type StaffMember = OfClinic<StaffDetails>;

/// The members of a staff member's record that callers set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StaffIn, example = json!({
    "name": "Dr. Anna Keller",
    "role": "physician",
    "specialty": "general practice",
    "active": true,
    "working_hours": [
        { "weekday": "monday", "from": "08:00", "to": "17:00" },
        { "weekday": "tuesday", "from": "08:00", "to": "17:00" },
        { "weekday": "wednesday", "from": "08:00", "to": "17:00" }
    ]
}))]
pub struct StaffDetails {
    /// The name.
    #[validate(length(max = 200), custom(function = validation::line))]
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// The role: lower-case letters, digits and underscores. Visit types refer to it.
    #[validate(length(max = 40), custom(function = validation::role))]
    #[schema(max_length = 40, pattern = "^[a-z][a-z0-9_]*$", example = "physician")]
    pub role: String,
    /// The medical specialty.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[validate(length(max = 100), custom(function = validation::line))]
    #[schema(min_length = 1, max_length = 100)]
    pub specialty: Option<String>,
    /// Whether the staff member can be booked.
    #[serde(default = "validation::yes")]
    #[schema(default = true)]
    pub active: bool,
    /// The weekly working hours in the clinic's local time. A day may have several spans. If null
    /// or absent, all opening hours of the clinic are working hours. If empty, only exceptions open
    /// hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[validate(length(max = 56), custom(function = validation::weekly_hours))]
    #[schema(max_items = 56)]
    pub working_hours: Option<Vec<WeeklyHours>>,
}

impl Details for StaffDetails {
    type Kind = id::Staff;
    const SCHEMA: &'static str = "StaffMember";
    const DESCRIPTION: &'static str = "A staff member.";
}

impl ClinicDetails for StaffDetails {
    const TYPE: &'static str = "staff";
    const PREFIX: &'static str = "STAFF";
    const SHAPES: Shapes = Shapes {
        upcasts: &[|item| {
            unrestrict_if_empty(item, "working_hours");
            Ok(())
        }],
        downcast: None,
    };
}
