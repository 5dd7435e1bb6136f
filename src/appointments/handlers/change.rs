//! Changing, cancelling and deleting appointments over HTTP.

use axum::extract::State;

use super::AppointmentPath;
use crate::{
    app::AppState,
    appointments::{
        dto::{AppointmentDetailsIn, AppointmentOut, CancellationIn, StatusIn},
        model::Appointment,
        repo,
    },
    error::{ApiError, ApiResult},
    http::{
        ApiPath, Deleted, MergePatch, Updated, WriteCommand, WriteContext, idempotency::or_replay,
    },
    openapi::Conflict,
};

type AppointmentPatch = MergePatch<AppointmentDetailsIn>;

/// Change an appointment's reason or notes
///
/// A JSON Merge Patch (RFC 7396). The appointment of an erased patient accepts neither.
#[utoipa::path(
    patch,
    path = "/v1/clinics/{clinic_id}/appointments/{appointment_id}",
    params(AppointmentPath),
    request_body(content = AppointmentPatch, example = json!({ "notes": "brings the X-ray" })),
    responses(Conflict),
)]
pub async fn update_appointment(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath(AppointmentPath { clinic_id, appointment_id }): ApiPath<AppointmentPath>,
    patch: AppointmentPatch,
) -> ApiResult<Updated<AppointmentOut>> {
    let modify = |current: &Appointment| {
        let Appointment { reason, notes, .. } = current.clone();
        let patched = patch.apply(AppointmentDetailsIn { reason, notes })?;
        let AppointmentDetailsIn { reason, notes } = patched;
        Ok::<_, ApiError>(Appointment { reason, notes, ..current.clone() })
    };
    repo::update(app.store(), &context, &clinic_id, &appointment_id, modify).await.map(Updated::new)
}

/// Take an appointment a step along its status life
///
/// `scheduled` → `confirmed` → `checked_in` → `completed`; `scheduled` or `confirmed` → `no_show`; `checked_in` →
/// `scheduled` takes a check-in back. Each step is one compare-and-swap.
#[utoipa::path(
    post,
    path = "/v1/clinics/{clinic_id}/appointments/{appointment_id}/status",
    params(AppointmentPath),
    request_body = StatusIn,
    responses(Conflict),
)]
pub async fn change_appointment_status(
    State(app): State<AppState>,
    ApiPath(AppointmentPath { clinic_id, appointment_id }): ApiPath<AppointmentPath>,
    WriteCommand { body, context }: WriteCommand<StatusIn>,
) -> ApiResult<Updated<AppointmentOut>> {
    let wanted = body.status.into();
    let changed = repo::change_status(app.store(), &context, &clinic_id, &appointment_id, wanted);
    or_replay(app.store(), &context, changed).await.map(Updated::new)
}

/// Cancel an appointment
///
/// Its time is free again, in the same transaction.
#[utoipa::path(
    post,
    path = "/v1/clinics/{clinic_id}/appointments/{appointment_id}/cancel",
    params(AppointmentPath),
    request_body(content = Option<CancellationIn>),
    responses(Conflict),
)]
pub async fn cancel_appointment(
    State(app): State<AppState>,
    ApiPath(AppointmentPath { clinic_id, appointment_id }): ApiPath<AppointmentPath>,
    WriteCommand { body, context }: WriteCommand<CancellationIn>,
) -> ApiResult<Updated<AppointmentOut>> {
    let cancelled = repo::cancel(app.store(), &context, &clinic_id, &appointment_id, body.reason);
    or_replay(app.store(), &context, cancelled).await.map(Updated::new)
}

/// Delete an appointment
///
/// For what should never have been booked; what will not take place is cancelled. Its time is free again, in the
/// same transaction.
#[utoipa::path(
    delete,
    path = "/v1/clinics/{clinic_id}/appointments/{appointment_id}",
    params(AppointmentPath)
)]
pub async fn delete_appointment(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath(AppointmentPath { clinic_id, appointment_id }): ApiPath<AppointmentPath>,
) -> ApiResult<Deleted> {
    repo::delete(app.store(), &context, &clinic_id, &appointment_id).await?;
    Ok(Deleted)
}
