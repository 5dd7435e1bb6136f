//! Resources as they come and go over HTTP.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::model::Resource;
use crate::{
    id::{ClinicId, ResourceId},
    validation,
};

/// A resource to be made, or all that can be changed of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Treatment room 2", "kind": "room" }))]
pub struct ResourceIn {
    /// What people call it.
    #[validate(length(max = 200), custom(function = validation::line))]
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// What it is: lower-case letters, digits and underscores.
    #[validate(length(max = 40), custom(function = validation::role))]
    #[schema(max_length = 40, pattern = "^[a-z][a-z0-9_]*$", example = "room")]
    pub kind: String,
    /// Whether it can be booked. Set it to false to take it out of use.
    #[serde(default = "active")]
    #[schema(default = true)]
    pub active: bool,
}

fn active() -> bool {
    true
}

/// A room or a piece of equipment.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Resource, example = json!({
    "id": "RES-9C3W6H1T8P5Z0K4M7Q2X1N6B",
    "clinic_id": "CLN-4T8W1N6Q0Z3K7M9X2B5V8D1R",
    "name": "Treatment room 2",
    "kind": "room",
    "active": true,
    "created_at": "2027-03-01T08:00:00Z",
    "updated_at": "2027-03-01T08:00:00Z"
}))]
pub struct ResourceOut {
    /// Its id.
    pub id: ResourceId,
    /// The clinic that has it.
    pub clinic_id: ClinicId,
    /// What people call it.
    pub name: String,
    /// What it is.
    pub kind: String,
    /// Whether it can be booked.
    pub active: bool,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl ResourceOut {
    /// The resource with the times of its record.
    #[must_use]
    pub fn new(resource: Resource, created_at: Timestamp, updated_at: Timestamp) -> Self {
        let Resource { id, clinic_id, name, kind, active } = resource;
        Self { id, clinic_id, name, kind, active, created_at, updated_at }
    }
}

impl ResourceIn {
    /// The resource that this describes, at a clinic and under an id.
    #[must_use]
    pub fn into_resource(self, id: ResourceId, clinic_id: ClinicId) -> Resource {
        let Self { name, kind, active } = self;
        Resource { id, clinic_id, name, kind, active }
    }
}

impl From<Resource> for ResourceIn {
    fn from(resource: Resource) -> Self {
        let Resource { name, kind, active, .. } = resource;
        Self { name, kind, active }
    }
}
