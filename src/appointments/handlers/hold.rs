//! Creating, confirming and releasing holds over HTTP.

use axum::extract::State;
use jiff::SignedDuration;

use super::{
    AppointmentPath,
    book::{book, path_of},
    shown,
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
/// Reserves a slot for 1 to 15 minutes while the patient decides. Confirm or release it with the
/// `hold_secret` of the response. After its expiry a hold cannot be confirmed, and others can book
/// the slot 5 to 6 seconds later.
#[utoipa::path(
    post,
    path = "/v1/clinics/{clinic_id}/holds",
    params(ClinicPath),
    request_body(content = HoldIn, examples(
        ("by_length" = (summary = "By length", value = json!({
            "staff_id": "STF-2B7M1X9D4K8R0W5T3V6N8Q1C",
            "start": "2027-03-02T14:00:00",
            "duration_minutes": 30,
            "hold_minutes": 10
        }))),
        ("by_visit_type" = (summary = "By visit type, for a patient, with a room", value = json!({
            "staff_id": "STF-2B7M1X9D4K8R0W5T3V6N8Q1C",
            "patient_id": "PAT-7ZQ4N0W8K2M6T1V5X9B3C4D0",
            "visit_type_id": "VTY-5J2R8N0C6T9H3W7K1Z4M8Q2X",
            "resource_ids": ["RES-9C3W6H1T8P5Z0K4M7Q2X1N6B"],
            "start": "2027-03-02T15:00:00"
        }))),
    )),
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
    let held = shown(&app, &context, held).await?;
    let location = path_of(&held.value);
    let hold_secret = app.keyring().hold_secrets.sign(held.value.id.as_str());
    let created = Created::<AppointmentOut>::new(held, location);
    Ok(created.map(|appointment| HoldOut { appointment, hold_secret }))
}

/// Confirm a hold
///
/// Turns a hold that has not expired into an appointment, with the hold's secret. Like any new
/// booking it is `scheduled`. The status `confirmed` means something else: the patient has
/// confirmed attendance (`…/status`).
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
    let booked = or_replay(app.store(), &context, booked).await?;
    shown(&app, &context, booked).await.map(Updated::new)
}

/// Release a hold
///
/// Frees the slot in the same transaction, with the hold's secret. Use it when the patient
/// declines. An expired hold needs no release: others can book its slot.
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
    let released = or_replay(app.store(), &context, released).await?;
    shown(&app, &context, released).await.map(Updated::new)
}

/// Checks the hold's secret. If the clinic does not exist, the result is 404 whatever the secret.
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
    let detail = "The hold_secret is not the secret of this hold. Send the secret from the response that created the hold.";
    Err(ApiError::new(ErrorCode::Forbidden, detail))
}
