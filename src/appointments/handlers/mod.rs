//! The HTTP handlers of appointments.

pub mod book;
pub mod change;
pub mod get;
pub mod hold;
pub mod list;
mod refusals;

use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::AppState,
    appointments::model::Appointment,
    error::ApiResult,
    http::{Entity, WriteContext},
    id::{AppointmentId, ClinicId},
};

/// The path parameters of an appointment.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct AppointmentPath {
    /// The clinic.
    pub clinic_id: ClinicId,
    /// An appointment of this clinic.
    pub appointment_id: AppointmentId,
}

/// Returns the appointment that a write returns, and records the access if the request wrote
/// nothing.
async fn shown(
    app: &AppState,
    context: &WriteContext,
    appointment: Entity<Appointment>,
) -> ApiResult<Entity<Appointment>> {
    app.record_unwritten(context, &appointment.meta, &appointment.value.patient_id).await?;
    Ok(appointment)
}
