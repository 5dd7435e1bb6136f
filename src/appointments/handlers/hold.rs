//! Holding a slot for a few minutes over HTTP.

use axum::{extract::State, response::Response};
use jiff::SignedDuration;

use super::{
    book::{length, start},
    out, refusals, tagged,
};
use crate::{
    app::AppState,
    appointments::{
        dto::{AppointmentOut, ConfirmationIn, HoldIn, HoldOut, ReleaseIn},
        model::Appointment,
        repo::{self, Booking, Confirmation, Rules},
    },
    error::{ApiError, ApiResult, ErrorCode},
    http::{
        ApiPath, Entity, IdempotencyKey, IfMatch, WriteCommand, WriteContext, etag::Tagged,
        idempotency::or_replay,
    },
    id::{AppointmentId, ClinicId},
    openapi::{BookProblems, HoldProblems, UpdateStateProblems},
    sensitive::Sensitive,
};

/// Hold a slot
///
/// For 1 to 15 minutes nobody else gets it. The answer's `hold_secret` confirms the hold into a booking, or releases
/// it. When it is over, its time can be had by others at once.
#[utoipa::path(
    post,
    path = "/v1/clinics/{clinic_id}/holds",
    tag = "appointments",
    params(("clinic_id" = ClinicId, Path), IdempotencyKey),
    request_body = HoldIn,
    responses(
        (status = CREATED, description = "The hold.", body = HoldOut,
         headers(("ETag" = String), ("Location" = String))),
        BookProblems,
    ),
)]
pub async fn create_hold(
    State(app): State<AppState>,
    ApiPath(clinic): ApiPath<ClinicId>,
    WriteCommand { body, context }: WriteCommand<HoldIn>,
) -> ApiResult<Response> {
    let held = hold(&app, &context, clinic, body).await;
    let held = or_replay(app.store(), &context, held).await?;
    let Appointment { id, clinic_id, .. } = &held.value;
    let location = format!("/v1/clinics/{clinic_id}/appointments/{id}");
    let hold_secret = app.cursor_keys().hold_secret(id.as_str());
    let rev = held.meta.rev;
    let shown = HoldOut { appointment: out(held), hold_secret };
    Ok(Tagged::new(rev, shown).created(&location))
}

async fn hold(
    app: &AppState,
    context: &WriteContext,
    clinic_id: ClinicId,
    body: HoldIn,
) -> Result<Entity<Appointment>, ApiError> {
    let time_zone = app.clinics().zone(&context.org, &clinic_id).await?;
    let start = start(body.start, &time_zone, context.now)?;
    let length =
        length(app, context, &clinic_id, body.duration_minutes, body.visit_type_id.as_ref())
            .await?;
    let rules = Rules { any_hours: false, roles: length.roles };
    let held_for = SignedDuration::from_mins(i64::from(body.hold_minutes));
    let booking = Booking {
        clinic_id,
        time_zone: time_zone.clone(),
        staff_id: body.staff_id,
        patient_id: body.patient_id,
        resource_ids: body.resource_ids,
        visit_type_id: body.visit_type_id,
        start,
        duration_minutes: length.minutes,
        buffer_minutes: length.buffers,
        held_until: Some(context.now.saturating_add(held_for).unwrap_or(context.now)),
        overbooked: false,
        override_reason: None,
        reason: None,
        notes: None,
    };
    let held = repo::book(app.store(), context, booking, &rules).await;
    held.map_err(|error| refusals::booking(error, &time_zone))
}

/// Confirm a hold
///
/// Into a booking, with the hold's secret, before it is over.
#[utoipa::path(
    post,
    path = "/v1/clinics/{clinic_id}/holds/{appointment_id}/confirm",
    tag = "appointments",
    params(("clinic_id" = ClinicId, Path), ("appointment_id" = AppointmentId, Path), IdempotencyKey, IfMatch),
    request_body = ConfirmationIn,
    responses(
        (status = OK, description = "The appointment, booked.", body = AppointmentOut, headers(("ETag" = String))),
        HoldProblems,
        UpdateStateProblems,
    ),
)]
pub async fn confirm_hold(
    State(app): State<AppState>,
    ApiPath((clinic, id)): ApiPath<(ClinicId, AppointmentId)>,
    WriteCommand { body, context }: WriteCommand<ConfirmationIn>,
) -> ApiResult<Tagged<AppointmentOut>> {
    let ConfirmationIn { hold_secret, patient_id, reason, notes } = body;
    let booked = async {
        let zone = app.clinics().zone(&context.org, &clinic).await?;
        check_secret(&app, &id, &hold_secret)?;
        let confirmation = Confirmation { patient_id, reason, notes };
        let booked = repo::confirm_hold(app.store(), &context, &clinic, &id, &confirmation).await;
        booked.map_err(|error| refusals::hold(error, &zone))
    };
    or_replay(app.store(), &context, booked.await).await.map(tagged)
}

/// Release a hold
///
/// Its time is free again, in the same transaction.
#[utoipa::path(
    post,
    path = "/v1/clinics/{clinic_id}/holds/{appointment_id}/release",
    tag = "appointments",
    params(("clinic_id" = ClinicId, Path), ("appointment_id" = AppointmentId, Path), IdempotencyKey, IfMatch),
    request_body = ReleaseIn,
    responses(
        (status = OK, description = "The appointment, expired.", body = AppointmentOut, headers(("ETag" = String))),
        HoldProblems,
        UpdateStateProblems,
    ),
)]
pub async fn release_hold(
    State(app): State<AppState>,
    ApiPath((clinic, id)): ApiPath<(ClinicId, AppointmentId)>,
    WriteCommand { body, context }: WriteCommand<ReleaseIn>,
) -> ApiResult<Tagged<AppointmentOut>> {
    let released = async {
        let zone = app.clinics().zone(&context.org, &clinic).await?;
        check_secret(&app, &id, &body.hold_secret)?;
        let released = repo::release_hold(app.store(), &context, &clinic, &id).await;
        released.map_err(|error| refusals::hold(error, &zone))
    };
    or_replay(app.store(), &context, released.await).await.map(tagged)
}

fn check_secret(
    app: &AppState,
    id: &AppointmentId,
    secret: &Sensitive<String>,
) -> Result<(), ApiError> {
    if app.cursor_keys().is_hold_secret(id.as_str(), secret.expose()) {
        return Ok(());
    }
    Err(ApiError::new(ErrorCode::Forbidden, "This is not the hold's secret."))
}
