//! What a patient is.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{id::PatientId, sensitive::Sensitive};

/// A patient of an organisation, known at all its clinics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patient {
    /// Their id.
    pub id: PatientId,
    /// Their record number, unique in the organisation.
    pub mrn: Option<Sensitive<String>>,
    /// Their name.
    pub name: Sensitive<String>,
    /// When they were born.
    pub birth_date: Option<Sensitive<Date>>,
    /// Their telephone number, E.164.
    pub phone: Option<Sensitive<String>>,
    /// Their e-mail address.
    pub email: Option<Sensitive<String>>,
    /// What staff noted of them.
    pub notes: Option<Sensitive<String>>,
    /// Whether they can be booked for.
    pub active: bool,
}
