//! Appointments over HTTP: booked and changed here, listed in `list`.

pub mod book;
pub mod change;
pub mod hold;
pub mod list;
mod refusals;
pub mod reschedule;

use axum::{extract::State, response::Response};

use super::{dto::AppointmentOut, model::Appointment, repo};
use crate::{
    app::AppState,
    error::{ApiError, ApiResult},
    http::{
        ApiPath, ApiQuery, Consistent, Entity, IfNoneMatch, ReadContext, auth::Grant, etag::Tagged,
    },
    id::{AppointmentId, ClinicId},
    openapi::ReadProblems,
};

fn out(appointment: Entity<Appointment>) -> AppointmentOut {
    appointment.show(AppointmentOut::new)
}

fn tagged(appointment: Entity<Appointment>) -> Tagged<AppointmentOut> {
    Tagged::of(appointment, AppointmentOut::new)
}

/// The appointment as its patient or as staff may see it: what staff noted is for staff.
fn out_for(grant: &Grant, appointment: Entity<Appointment>) -> AppointmentOut {
    let shown = out(appointment);
    if grant.is_staff() { shown } else { shown.for_patient() }
}

/// Whether the caller may see an appointment of their organisation.
fn admitted(grant: &Grant, appointment: &Entity<Appointment>) -> bool {
    let Appointment { clinic_id, patient_id, .. } = &appointment.value;
    grant.admits_appointment(clinic_id, patient_id.as_ref())
}

/// Get an appointment
///
/// One read of one record, as the id tells where it is; two more if it has moved to another date.
#[utoipa::path(
    get,
    path = "/v1/clinics/{clinic_id}/appointments/{appointment_id}",
    tag = "appointments",
    params(("clinic_id" = ClinicId, Path), ("appointment_id" = AppointmentId, Path), Consistent, IfNoneMatch),
    responses(
        (status = OK, description = "The appointment.", body = AppointmentOut, headers(("ETag" = String))),
        (status = NOT_MODIFIED, description = "The caller has it already."),
        ReadProblems,
    ),
)]
pub async fn get_appointment(
    State(app): State<AppState>,
    context: ReadContext,
    ApiPath((clinic, id)): ApiPath<(ClinicId, AppointmentId)>,
    ApiQuery(query): ApiQuery<Consistent>,
) -> ApiResult<Response> {
    let org = context.grant.org();
    let found = repo::get(app.store(), org, &clinic, &id, query.consistent).await?;
    if !admitted(&context.grant, &found) {
        return Err(ApiError::not_found());
    }
    app.note_access(&context, &found.value.patient_id);
    Tagged::new(found.meta.rev, out_for(&context.grant, found)).for_get(&context.if_none_match)
}
