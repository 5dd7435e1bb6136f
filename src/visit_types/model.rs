//! What a type of visit is.

use serde::{Deserialize, Serialize};

use crate::id::{ClinicId, VisitTypeId};

/// What staff of a clinic give, as a first consultation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitType {
    /// Its id.
    pub id: VisitTypeId,
    /// The clinic whose staff give it.
    pub clinic_id: ClinicId,
    /// What people call it.
    pub name: String,
    /// How long it takes.
    pub duration_minutes: u16,
    /// What staff and resources need before it.
    pub buffer_before_minutes: u16,
    /// What staff and resources need after it.
    pub buffer_after_minutes: u16,
    /// The roles of those who give it; none at all allows every role.
    pub roles: Vec<String>,
}
