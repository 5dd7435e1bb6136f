//! What a staff member is.

use serde::{Deserialize, Serialize};

use crate::{
    id::{ClinicId, StaffId},
    time::WeeklyHours,
};

/// Somebody who works at a clinic and can be booked there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffMember {
    /// Their id.
    pub id: StaffId,
    /// The clinic that they work at.
    pub clinic_id: ClinicId,
    /// Their name.
    pub name: String,
    /// What they work as, as `physician`.
    pub role: String,
    /// Their medical speciality.
    pub speciality: Option<String>,
    /// Whether they can be booked.
    pub active: bool,
    /// When they work, on the clinic's wall.
    pub working_hours: Vec<WeeklyHours>,
}
