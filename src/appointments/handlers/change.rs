//! Changing, cancelling and deleting appointments over HTTP.

use axum::{extract::State, http::StatusCode};

use super::tagged;
use crate::{
    app::AppState,
    appointments::{
        dto::{AppointmentDetailsIn, AppointmentOut, CancellationIn, StatusIn},
        model::Appointment,
        repo::{self, ChangeError},
    },
    error::{ApiError, ApiResult, ErrorCode},
    http::{
        ApiPath, IdempotencyKey, IfMatch, MergePatch, WriteCommand, WriteContext, etag::Tagged,
        idempotency::or_replay,
    },
    id::{AppointmentId, ClinicId},
    openapi::{DeleteProblems, UpdateProblems, UpdateStateProblems},
};

/// A merge patch of what can be changed without moving the appointment.
type AppointmentPatch = MergePatch<AppointmentDetailsIn>;

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::InvalidTransition { current, wanted } => Self::new(
                ErrorCode::InvalidTransition,
                format!(
                    "The appointment is {current} and can't become {wanted}. Nothing was written."
                ),
            )
            .with_current_status(&current),
            ChangeError::Store(error) => error.into(),
        }
    }
}

/// Change an appointment's reason or notes
///
/// A JSON Merge Patch (RFC 7396).
#[utoipa::path(
    patch,
    path = "/v1/clinics/{clinic_id}/appointments/{appointment_id}",
    tag = "appointments",
    params(("clinic_id" = ClinicId, Path), ("appointment_id" = AppointmentId, Path), IfMatch),
    request_body(content(
        (AppointmentPatch = "application/merge-patch+json", example = json!({ "notes": "brings the X-ray" })),
        (AppointmentPatch = "application/json", example = json!({ "notes": "brings the X-ray" })),
    )),
    responses(
        (status = OK, description = "The appointment as it is now.", body = AppointmentOut, headers(("ETag" = String))),
        UpdateProblems,
    ),
)]
pub async fn update_appointment(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath((clinic, id)): ApiPath<(ClinicId, AppointmentId)>,
    patch: AppointmentPatch,
) -> ApiResult<Tagged<AppointmentOut>> {
    let modify = |current: &Appointment| {
        let AppointmentDetailsIn { reason, notes } = patch.apply(current.clone().into())?;
        Ok::<_, ApiError>(Appointment { reason, notes, ..current.clone() })
    };
    repo::update(app.store(), &context, &clinic, &id, modify).await.map(tagged)
}

/// Take an appointment a step along its status life
///
/// `scheduled` → `confirmed` → `checked_in` → `completed`; `scheduled` or `confirmed` → `no_show`; `checked_in` →
/// `scheduled` takes a check-in back. Each step is one compare-and-swap.
#[utoipa::path(
    post,
    path = "/v1/clinics/{clinic_id}/appointments/{appointment_id}/status",
    tag = "appointments",
    params(("clinic_id" = ClinicId, Path), ("appointment_id" = AppointmentId, Path), IdempotencyKey, IfMatch),
    request_body = StatusIn,
    responses(
        (status = OK, description = "The appointment as it is now.", body = AppointmentOut, headers(("ETag" = String))),
        UpdateStateProblems,
    ),
)]
pub async fn change_appointment_status(
    State(app): State<AppState>,
    ApiPath((clinic, id)): ApiPath<(ClinicId, AppointmentId)>,
    WriteCommand { body, context }: WriteCommand<StatusIn>,
) -> ApiResult<Tagged<AppointmentOut>> {
    let wanted = body.status.into();
    let changed = repo::change_status(app.store(), &context, &clinic, &id, wanted).await;
    or_replay(app.store(), &context, changed).await.map(tagged)
}

/// Cancel an appointment
///
/// Its time is free again, in the same transaction.
#[utoipa::path(
    post,
    path = "/v1/clinics/{clinic_id}/appointments/{appointment_id}/cancel",
    tag = "appointments",
    params(("clinic_id" = ClinicId, Path), ("appointment_id" = AppointmentId, Path), IdempotencyKey, IfMatch),
    request_body(content = Option<CancellationIn>),
    responses(
        (status = OK, description = "The appointment as it is now.", body = AppointmentOut, headers(("ETag" = String))),
        UpdateStateProblems,
    ),
)]
pub async fn cancel_appointment(
    State(app): State<AppState>,
    ApiPath((clinic, id)): ApiPath<(ClinicId, AppointmentId)>,
    WriteCommand { body, context }: WriteCommand<CancellationIn>,
) -> ApiResult<Tagged<AppointmentOut>> {
    let cancelled = repo::cancel(app.store(), &context, &clinic, &id, body.reason).await;
    or_replay(app.store(), &context, cancelled).await.map(tagged)
}

/// Delete an appointment
///
/// For what should never have been booked; what will not take place is cancelled. Its time is free again, in the
/// same transaction.
#[utoipa::path(
    delete,
    path = "/v1/clinics/{clinic_id}/appointments/{appointment_id}",
    tag = "appointments",
    params(("clinic_id" = ClinicId, Path), ("appointment_id" = AppointmentId, Path), IfMatch),
    responses((status = NO_CONTENT, description = "It is deleted."), DeleteProblems),
)]
pub async fn delete_appointment(
    State(app): State<AppState>,
    context: WriteContext,
    ApiPath((clinic, id)): ApiPath<(ClinicId, AppointmentId)>,
) -> ApiResult<StatusCode> {
    repo::delete(app.store(), &context, &clinic, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
