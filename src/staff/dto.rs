//! Staff members as they come and go over HTTP.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::model::StaffMember;
use crate::{
    id::{ClinicId, StaffId},
    time::WeeklyHours,
    validation,
};

/// A staff member to be made, or all that can be changed of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Dr. Anna Keller",
    "role": "physician",
    "speciality": "general practice",
    "working_hours": [
        { "weekday": "monday", "from": "08:00", "to": "12:00" },
        { "weekday": "tuesday", "from": "08:00", "to": "12:00" }
    ]
}))]
pub struct StaffIn {
    /// Their name.
    #[validate(length(max = 200), custom(function = validation::line))]
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// What they work as: lower-case letters, digits and underscores.
    #[validate(length(max = 40), custom(function = validation::role))]
    #[schema(max_length = 40, pattern = "^[a-z][a-z0-9_]*$", example = "physician")]
    pub role: String,
    /// Their medical speciality.
    #[validate(length(max = 100), custom(function = validation::line))]
    #[schema(min_length = 1, max_length = 100)]
    pub speciality: Option<String>,
    /// Whether they can be booked. Set it to false to deactivate them.
    #[serde(default = "active")]
    #[schema(default = true)]
    pub active: bool,
    /// Weekly working hours on the clinic's wall; a day may have several spans.
    #[serde(default)]
    #[validate(length(max = 56), custom(function = validation::weekly_hours))]
    #[schema(max_items = 56)]
    pub working_hours: Vec<WeeklyHours>,
}

fn active() -> bool {
    true
}

/// A staff member.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = StaffMember, example = json!({
    "id": "STF-2B7M1X9D4K8R0W5T3V6N8Q1C",
    "clinic_id": "CLN-4T8W1N6Q0Z3K7M9X2B5V8D1R",
    "name": "Dr. Anna Keller",
    "role": "physician",
    "speciality": "general practice",
    "active": true,
    "working_hours": [
        { "weekday": "monday", "from": "08:00", "to": "12:00" },
        { "weekday": "tuesday", "from": "08:00", "to": "12:00" }
    ],
    "created_at": "2027-03-01T08:00:00Z",
    "updated_at": "2027-03-01T08:00:00Z"
}))]
pub struct StaffOut {
    /// Their id.
    pub id: StaffId,
    /// The clinic that they work at.
    pub clinic_id: ClinicId,
    /// Their name.
    pub name: String,
    /// What they work as.
    pub role: String,
    /// Their medical speciality.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub speciality: Option<String>,
    /// Whether they can be booked.
    pub active: bool,
    /// Weekly working hours on the clinic's wall.
    pub working_hours: Vec<WeeklyHours>,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl StaffOut {
    /// The staff member with the times of their record.
    #[must_use]
    pub fn new(staff: StaffMember, created_at: Timestamp, updated_at: Timestamp) -> Self {
        let StaffMember { id, clinic_id, name, role, speciality, active, working_hours } = staff;
        Self {
            id,
            clinic_id,
            name,
            role,
            speciality,
            active,
            working_hours,
            created_at,
            updated_at,
        }
    }
}

impl StaffIn {
    /// The staff member that this describes, at a clinic and under an id.
    #[must_use]
    pub fn into_staff_member(self, id: StaffId, clinic_id: ClinicId) -> StaffMember {
        let Self { name, role, speciality, active, working_hours } = self;
        StaffMember { id, clinic_id, name, role, speciality, active, working_hours }
    }
}

impl From<StaffMember> for StaffIn {
    fn from(staff: StaffMember) -> Self {
        let StaffMember { name, role, speciality, active, working_hours, .. } = staff;
        Self { name, role, speciality, active, working_hours }
    }
}
