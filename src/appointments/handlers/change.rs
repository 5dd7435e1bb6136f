//! Changing, cancelling and deleting appointments over HTTP.

use axum::extract::State;

use super::{AppointmentPath, shown};
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

/// Members that a PATCH does not change, each with a message that names the right operation.
const ELSEWHERE: &[(&str, &str)] = &[
    ("start", MOVE),
    ("end", MOVE),
    ("duration_minutes", MOVE),
    ("staff_id", MOVE),
    ("resource_ids", MOVE),
    ("status", "cannot be patched: use POST …/status, or POST …/cancel"),
    ("checked_in_at", "cannot be patched: it is set by the status checked_in, with POST …/status"),
    ("cancellation_reason", "cannot be patched: send it as reason to POST …/cancel"),
    ("patient_id", REBOOK),
    ("visit_type_id", REBOOK),
];
const MOVE: &str = "cannot be patched: use POST …/reschedule";
const REBOOK: &str = "cannot be changed: cancel the appointment and book another";

/// Change an appointment's reason or notes
///
/// A JSON Merge Patch (RFC 7396). To change the time, the staff member or the status, use the
/// operations for that. The appointment of an erased patient accepts no texts.
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
    patch.refuse(ELSEWHERE)?;
    let modify = |current: &Appointment| {
        let Appointment { reason, notes, .. } = current.clone();
        let patched = patch.apply(AppointmentDetailsIn { reason, notes })?;
        let AppointmentDetailsIn { reason, notes } = patched;
        Ok::<_, ApiError>(Appointment { reason, notes, ..current.clone() })
    };
    let updated = repo::update(app.store(), &context, &clinic_id, &appointment_id, modify).await?;
    shown(&app, &context, updated).await.map(Updated::new)
}

/// Change an appointment's status
///
/// Forward: `scheduled` → `confirmed` → `checked_in` → `completed`; `scheduled` → `checked_in`;
/// `scheduled` or `confirmed` → `no_show`. Undo: `checked_in` → `scheduled`; `completed` or
/// `no_show` → `checked_in`. `checked_in`, `completed` and `no_show` are accepted from the day of
/// the visit on, in the clinic's local time. The slot stays taken.
#[utoipa::path(
    post,
    path = "/v1/clinics/{clinic_id}/appointments/{appointment_id}/status",
    params(AppointmentPath),
    request_body(content = StatusIn, examples(
        ("confirmed" = (summary = "The patient says that they will come", value = json!({ "status": "confirmed" }))),
        ("checked_in" = (summary = "The patient has arrived", value = json!({ "status": "checked_in" }))),
        ("completed" = (summary = "The visit is over", value = json!({ "status": "completed" }))),
        ("no_show" = (summary = "The patient has not come", value = json!({ "status": "no_show" }))),
    )),
    responses(Conflict),
)]
pub async fn change_appointment_status(
    State(app): State<AppState>,
    ApiPath(AppointmentPath { clinic_id, appointment_id }): ApiPath<AppointmentPath>,
    WriteCommand { body, context }: WriteCommand<StatusIn>,
) -> ApiResult<Updated<AppointmentOut>> {
    let wanted = body.status.into();
    let changed = repo::change_status(app.store(), &context, &clinic_id, &appointment_id, wanted);
    let changed = or_replay(app.store(), &context, changed).await?;
    shown(&app, &context, changed).await.map(Updated::new)
}

/// Cancel an appointment
///
/// Frees the slot of a `scheduled` or `confirmed` appointment in the same transaction. The record
/// stays. Delete only bookings made by mistake.
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
    let cancelled = or_replay(app.store(), &context, cancelled).await?;
    shown(&app, &context, cancelled).await.map(Updated::new)
}

/// Delete an appointment
///
/// Removes the record and frees its slot in one transaction. Use it for bookings made by mistake,
/// and cancel visits that will not take place.
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
