//! Appointments over HTTP: booked and changed here, listed in `list`.

pub mod book;
pub mod change;
pub mod list;

use axum::{extract::State, response::Response};

use super::{dto::AppointmentOut, model::Appointment, repo};
use crate::{
    app::AppState,
    error::ApiResult,
    http::{ApiPath, ApiQuery, Consistent, Entity, IfNoneMatch, ReadContext, etag::Tagged},
    id::{AppointmentId, ClinicId},
    openapi::ReadProblems,
};

fn out(appointment: Entity<Appointment>) -> AppointmentOut {
    appointment.show(AppointmentOut::new)
}

fn tagged(appointment: Entity<Appointment>) -> Tagged<AppointmentOut> {
    Tagged::of(appointment, AppointmentOut::new)
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
    let org = &context.principal.org;
    let found = repo::get(app.store(), org, &clinic, &id, query.consistent).await?;
    tagged(found).for_get(&context.headers)
}
