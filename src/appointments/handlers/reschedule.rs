//! Moving an appointment over HTTP.

use axum::extract::State;

use super::{
    book::{allowed, start},
    refusals, tagged,
};
use crate::{
    app::AppState,
    appointments::{
        dto::{AppointmentOut, RescheduleIn},
        repo::{self, Move, Rules},
    },
    error::ApiResult,
    http::{
        ApiPath, IdempotencyKey, IfMatch, WriteCommand, auth::Grant, etag::Tagged,
        idempotency::or_replay,
    },
    id::{AppointmentId, ClinicId},
    openapi::UpdateStateProblems,
};

/// Move an appointment
///
/// To another time, staff member, room or date of the clinic, under the same id. The old time is freed and the new one
/// taken in one transaction: if it fails, the appointment is where it was.
#[utoipa::path(
    post,
    path = "/v1/clinics/{clinic_id}/appointments/{appointment_id}/reschedule",
    tag = "appointments",
    params(("clinic_id" = ClinicId, Path), ("appointment_id" = AppointmentId, Path), IdempotencyKey, IfMatch),
    request_body = RescheduleIn,
    responses(
        (status = OK, description = "The appointment as it is now.", body = AppointmentOut, headers(("ETag" = String))),
        UpdateStateProblems,
    ),
)]
pub async fn reschedule_appointment(
    State(app): State<AppState>,
    grant: Grant,
    ApiPath((clinic, id)): ApiPath<(ClinicId, AppointmentId)>,
    WriteCommand { body, context }: WriteCommand<RescheduleIn>,
) -> ApiResult<Tagged<AppointmentOut>> {
    let moved = async {
        let overrides = allowed(&grant, body.overrides)?;
        let zone = app.clinics().zone(&context.org, &clinic).await?;
        let start = body.start.map(|at| start(at, &zone, context.now)).transpose()?;
        let to = Move {
            start,
            duration_minutes: body.duration_minutes,
            staff_id: body.staff_id,
            resource_ids: body.resource_ids,
            overbooked: overrides.overbook,
            override_reason: overrides.reason,
        };
        let rules = Rules { any_hours: overrides.any_hours, roles: Vec::new() };
        let moved = repo::reschedule(app.store(), &context, &clinic, &id, &to, &rules).await;
        moved.map_err(|error| refusals::moving(error, &zone))
    };
    or_replay(app.store(), &context, moved.await).await.map(tagged)
}
