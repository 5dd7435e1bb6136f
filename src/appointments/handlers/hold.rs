//! Holding a slot for a few minutes over HTTP.

use axum::extract::State;
use jiff::SignedDuration;

use super::{
    AppointmentPath,
    book::{book, path_of},
};
use crate::{
    app::AppState,
    appointments::{
        dto::{AppointmentOut, ConfirmationIn, HoldIn, HoldOut, ReleaseIn},
        model::{Appointment, Status},
        repo::{self, Confirmation},
    },
    error::{ApiError, ApiResult, ErrorCode},
    http::{ApiPath, Created, Updated, WriteCommand, WriteContext, idempotency::or_replay},
    id::{AppointmentId, ClinicId},
    openapi::{Conflict, HoldOver},
    records::clinics::handlers::ClinicPath,
    sensitive::Sensitive,
};

/// Hold a slot
///
/// For 1 to 15 minutes nobody else gets it. The answer's `hold_secret` confirms the hold into a booking, or releases
/// it. When it is over, its time can be had by others at once.
#[utoipa::path(
    post,
    path = "/v1/clinics/{clinic_id}/holds",
    params(ClinicPath),
    request_body = HoldIn,
    responses(Conflict),
)]
pub async fn create_hold(
    State(app): State<AppState>,
    ApiPath(ClinicPath { clinic_id }): ApiPath<ClinicPath>,
    WriteCommand { body, context }: WriteCommand<HoldIn>,
) -> ApiResult<Created<HoldOut>> {
    let held_for = SignedDuration::from_mins(i64::from(body.hold_minutes));
    let expires_at = context.now.saturating_add(held_for).unwrap_or(context.now);
    let at = (body.staff_id, body.start);
    let held = book(&app, &context, clinic_id, at, false, |new| Appointment {
        patient_id: body.patient_id,
        resource_ids: body.resource_ids,
        visit_type_id: body.visit_type_id,
        duration_minutes: body.duration_minutes.unwrap_or_default(),
        status: Status::Held,
        hold_expires_at: Some(expires_at),
        ..new
    });
    let held = or_replay(app.store(), &context, held).await?;
    let location = path_of(&held.value);
    let hold_secret = app.keyring().hold_secrets.sign(held.value.id.as_str());
    let created = Created::<AppointmentOut>::new(held, location);
    Ok(created.map(|appointment| HoldOut { appointment, hold_secret }))
}

/// Confirm a hold
///
/// Into a booking, with the hold's secret, before it is over.
#[utoipa::path(
    post,
    path = "/v1/clinics/{clinic_id}/holds/{appointment_id}/confirm",
    params(AppointmentPath),
    request_body = ConfirmationIn,
    responses(HoldOver),
)]
pub async fn confirm_hold(
    State(app): State<AppState>,
    ApiPath(AppointmentPath { clinic_id, appointment_id }): ApiPath<AppointmentPath>,
    WriteCommand { body, context }: WriteCommand<ConfirmationIn>,
) -> ApiResult<Updated<AppointmentOut>> {
    let ConfirmationIn { hold_secret, patient_id, reason, notes } = body;
    let confirmation = Confirmation { patient_id, reason, notes };
    let booked = async {
        check_holder(&app, &context, &clinic_id, &appointment_id, &hold_secret).await?;
        let store = app.store();
        let done = repo::confirm_hold(store, &context, &clinic_id, &appointment_id, &confirmation);
        Ok::<_, ApiError>(done.await?)
    };
    or_replay(app.store(), &context, booked).await.map(Updated::new)
}

/// Release a hold
///
/// Its time is free again, in the same transaction. A hold that is over needs no release: its time can be had by others.
#[utoipa::path(
    post,
    path = "/v1/clinics/{clinic_id}/holds/{appointment_id}/release",
    params(AppointmentPath),
    request_body = ReleaseIn,
    responses(HoldOver),
)]
pub async fn release_hold(
    State(app): State<AppState>,
    ApiPath(AppointmentPath { clinic_id, appointment_id }): ApiPath<AppointmentPath>,
    WriteCommand { body, context }: WriteCommand<ReleaseIn>,
) -> ApiResult<Updated<AppointmentOut>> {
    let released = async {
        check_holder(&app, &context, &clinic_id, &appointment_id, &body.hold_secret).await?;
        let store = app.store();
        Ok::<_, ApiError>(repo::release_hold(store, &context, &clinic_id, &appointment_id).await?)
    };
    or_replay(app.store(), &context, released).await.map(Updated::new)
}

/// Without the clinic there is no hold, whatever the secret.
async fn check_holder(
    app: &AppState,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &AppointmentId,
    secret: &Sensitive<String>,
) -> Result<(), ApiError> {
    app.clinics().zone(&context.org, clinic).await?;
    if app.keyring().hold_secrets.verify(id.as_str(), secret.expose()) {
        return Ok(());
    }
    Err(ApiError::new(ErrorCode::Forbidden, "This is not the hold's secret."))
}
