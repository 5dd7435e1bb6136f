//! Moving an appointment over HTTP.

use axum::extract::State;

use super::{
    AppointmentPath,
    book::{allowed, start},
    refusals,
};
use crate::{
    app::AppState,
    appointments::{
        dto::{AppointmentOut, RescheduleIn},
        repo::{self, Move},
    },
    error::ApiResult,
    http::{ApiPath, Updated, WriteCommand, auth::Grant, idempotency::or_replay},
    openapi::Conflict,
};

/// Move an appointment
///
/// To another time, staff member, room or date of the clinic, under the same id. The old time is freed and the new one
/// taken in one transaction: if it fails, the appointment is where it was.
#[utoipa::path(
    post,
    path = "/v1/clinics/{clinic_id}/appointments/{appointment_id}/reschedule",
    params(AppointmentPath),
    request_body = RescheduleIn,
    responses(Conflict),
)]
pub async fn reschedule_appointment(
    State(app): State<AppState>,
    grant: Grant,
    ApiPath(AppointmentPath { clinic_id, appointment_id }): ApiPath<AppointmentPath>,
    WriteCommand { body, context }: WriteCommand<RescheduleIn>,
) -> ApiResult<Updated<AppointmentOut>> {
    let moved = async {
        let overrides = allowed(&grant, body.overrides)?;
        let zone = app.clinics().zone(&context.org, &clinic_id).await?;
        let start = body.start.map(|at| start(at, &zone, context.now)).transpose()?;
        let to = Move {
            start,
            duration_minutes: body.duration_minutes,
            staff_id: body.staff_id,
            resource_ids: body.resource_ids,
            overbooked: overrides.overbook,
            override_reason: overrides.reason,
        };
        let any_hours = overrides.any_hours;
        let moved =
            repo::reschedule(app.store(), &context, &clinic_id, &appointment_id, &to, any_hours)
                .await;
        moved.map_err(|error| refusals::booking(error, &zone))
    };
    or_replay(app.store(), &context, moved).await.map(Updated::new)
}
