//! What a resource is.

use serde::{Deserialize, Serialize};

use crate::id::{ClinicId, ResourceId};

/// A room or a piece of equipment of a clinic, that one appointment at a time can have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Its id.
    pub id: ResourceId,
    /// The clinic that has it.
    pub clinic_id: ClinicId,
    /// What people call it.
    pub name: String,
    /// What it is, as `room`.
    pub kind: String,
    /// Whether it can be booked.
    pub active: bool,
}
