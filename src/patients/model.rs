//! What a patient is.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::id::PatientId;

/// A patient of an organisation, known at all its clinics.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patient {
    /// Their id.
    pub id: PatientId,
    /// Their record number, unique in the organisation.
    pub mrn: Option<String>,
    /// Their name.
    pub name: String,
    /// When they were born.
    pub birth_date: Option<Date>,
    /// Their telephone number, E.164.
    pub phone: Option<String>,
    /// Their e-mail address.
    pub email: Option<String>,
    /// What staff noted of them.
    pub notes: Option<String>,
    /// Whether they can be booked for.
    pub active: bool,
}

/// Shows the id alone: what is known of a patient must not reach a log.
impl std::fmt::Debug for Patient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Patient").field("id", &self.id).finish_non_exhaustive()
    }
}
