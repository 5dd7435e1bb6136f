//! What an exception is.

use serde::{Deserialize, Serialize};

use crate::{
    id::{ClinicId, ExceptionId, ResourceId, StaffId},
    sensitive::Sensitive,
    time::DatedHours,
};

/// The most days that one exception is for.
pub const MAX_DAYS: i32 = 366;

/// Some dates on which a clinic, one of its staff or one of its resources works otherwise than by the week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AvailabilityException {
    /// Its id; it carries the last date.
    pub id: ExceptionId,
    /// The clinic.
    pub clinic_id: ClinicId,
    /// The staff member whose it is, if it is not the whole clinic's.
    pub staff_id: Option<StaffId>,
    /// The resource whose it is, if it is not the whole clinic's.
    pub resource_id: Option<ResourceId>,
    /// When, and whether there is work then.
    #[serde(flatten)]
    pub hours: DatedHours,
    /// Why.
    pub reason: Option<Sensitive<String>>,
}
