//! Appointments over HTTP.

pub mod book;
pub mod change;
pub mod get;
pub mod hold;
pub mod list;
mod refusals;

use serde::Deserialize;
use utoipa::IntoParams;

use crate::id::{AppointmentId, ClinicId};

/// An appointment in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct AppointmentPath {
    /// The clinic.
    pub clinic_id: ClinicId,
    /// The appointment, at the clinic where it takes place.
    pub appointment_id: AppointmentId,
}
