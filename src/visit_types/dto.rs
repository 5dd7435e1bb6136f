//! Types of visits as they come and go over HTTP.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::model::VisitType;
use crate::{
    id::{ClinicId, VisitTypeId},
    validation,
};

/// A type of visit to be made, or all that can be changed of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "First consultation",
    "duration_minutes": 45,
    "buffer_after_minutes": 15,
    "roles": ["physician"]
}))]
pub struct VisitTypeIn {
    /// What people call it.
    #[validate(length(max = 200), custom(function = validation::line))]
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// How long it takes, in minutes.
    #[serde(deserialize_with = "validation::whole_number")]
    #[validate(range(min = 5, max = 720))]
    #[schema(minimum = 5, maximum = 720, example = 45)]
    pub duration_minutes: u16,
    /// What staff and resources need before it, in minutes.
    #[serde(default, deserialize_with = "validation::whole_number")]
    #[validate(range(max = 120))]
    #[schema(maximum = 120, default = 0, example = 0)]
    pub buffer_before_minutes: u16,
    /// What staff and resources need after it, in minutes.
    #[serde(default, deserialize_with = "validation::whole_number")]
    #[validate(range(max = 120))]
    #[schema(maximum = 120, default = 0, example = 15)]
    pub buffer_after_minutes: u16,
    /// The roles of those who give it, as staff members have them; none at all allows every role.
    #[serde(default)]
    #[validate(length(max = 20), custom(function = validation::roles))]
    #[schema(max_items = 20, example = json!(["physician"]))]
    pub roles: Vec<String>,
}

/// A type of visit.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = VisitType, example = json!({
    "id": "VTY-5J2R8N0C6T9H3W7K1Z4M8Q2X",
    "clinic_id": "CLN-4T8W1N6Q0Z3K7M9X2B5V8D1R",
    "name": "First consultation",
    "duration_minutes": 45,
    "buffer_before_minutes": 0,
    "buffer_after_minutes": 15,
    "roles": ["physician"],
    "created_at": "2027-03-01T08:00:00Z",
    "updated_at": "2027-03-01T08:00:00Z"
}))]
pub struct VisitTypeOut {
    /// Its id.
    pub id: VisitTypeId,
    /// The clinic whose staff give it.
    pub clinic_id: ClinicId,
    /// What people call it.
    pub name: String,
    /// How long it takes, in minutes.
    pub duration_minutes: u16,
    /// What staff and resources need before it, in minutes.
    pub buffer_before_minutes: u16,
    /// What staff and resources need after it, in minutes.
    pub buffer_after_minutes: u16,
    /// The roles of those who give it; none at all allows every role.
    pub roles: Vec<String>,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl VisitTypeOut {
    /// The visit type with the times of its record.
    #[must_use]
    pub fn new(visit_type: VisitType, created_at: Timestamp, updated_at: Timestamp) -> Self {
        let VisitType {
            id,
            clinic_id,
            name,
            duration_minutes,
            buffer_before_minutes,
            buffer_after_minutes,
            roles,
        } = visit_type;
        Self {
            id,
            clinic_id,
            name,
            duration_minutes,
            buffer_before_minutes,
            buffer_after_minutes,
            roles,
            created_at,
            updated_at,
        }
    }
}

impl VisitTypeIn {
    /// The visit type that this describes, at a clinic and under an id.
    #[must_use]
    pub fn into_visit_type(self, id: VisitTypeId, clinic_id: ClinicId) -> VisitType {
        let Self { name, duration_minutes, buffer_before_minutes, buffer_after_minutes, roles } =
            self;
        VisitType {
            id,
            clinic_id,
            name,
            duration_minutes,
            buffer_before_minutes,
            buffer_after_minutes,
            roles,
        }
    }
}

impl From<VisitType> for VisitTypeIn {
    fn from(visit_type: VisitType) -> Self {
        let VisitType {
            name,
            duration_minutes,
            buffer_before_minutes,
            buffer_after_minutes,
            roles,
            ..
        } = visit_type;
        Self { name, duration_minutes, buffer_before_minutes, buffer_after_minutes, roles }
    }
}
