//! Reading one appointment over HTTP.

use axum::extract::State;

use super::AppointmentPath;
use crate::{
    app::AppState,
    appointments::{dto::AppointmentOut, model::Appointment, repo},
    error::{ApiError, ApiResult},
    http::{ApiPath, ApiQuery, Consistent, Entity, Found, ReadContext, auth::Grant},
};

/// The appointment as the caller may see it. Patients do not see the notes and the override reason.
pub(super) fn shown_to(grant: &Grant, shown: AppointmentOut) -> AppointmentOut {
    if grant.is_staff() {
        return shown;
    }
    AppointmentOut { notes: None, override_reason: None, ..shown }
}

/// Returns whether the caller may see an appointment of their organisation.
pub(super) fn admitted(grant: &Grant, appointment: &Entity<Appointment>) -> bool {
    let Appointment { clinic_id, patient_id, .. } = &appointment.value;
    grant.admits_appointment(clinic_id, patient_id.as_ref())
}

/// Get an appointment
///
/// Returns the record with its `ETag`.
#[utoipa::path(
    get,
    path = "/v1/clinics/{clinic_id}/appointments/{appointment_id}",
    params(AppointmentPath, Consistent)
)]
pub async fn get_appointment(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath(AppointmentPath { clinic_id, appointment_id }): ApiPath<AppointmentPath>,
    ApiQuery(Consistent { consistent }): ApiQuery<Consistent>,
) -> ApiResult<Found<AppointmentOut>> {
    let org = context.grant.org();
    let found = repo::get(app.store(), org, &clinic_id, &appointment_id, consistent).await?;
    if !admitted(&context.grant, &found) {
        return Err(ApiError::not_found());
    }
    app.record_access(&context, &found.value.patient_id).await?;
    Ok(Found::new(found, &context)?.map(|shown| shown_to(&context.grant, shown)))
}
