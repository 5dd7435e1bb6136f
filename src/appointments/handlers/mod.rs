//! The HTTP handlers of appointments.

pub mod book;
pub mod change;
pub mod get;
pub mod hold;
pub mod list;
mod refusals;

use serde::Deserialize;
use utoipa::IntoParams;

use crate::id::{AppointmentId, ClinicId};

/// The path parameters of an appointment.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct AppointmentPath {
    /// The clinic.
    pub clinic_id: ClinicId,
    /// An appointment of this clinic.
    pub appointment_id: AppointmentId,
}
