//! Booking over HTTP.

use axum::extract::State;
use jiff::Timestamp;

use super::refusals;
use crate::{
    app::AppState,
    appointments::{
        dto::{AppointmentIn, AppointmentOut, OverridesIn, Start},
        model::{Appointment, check_start},
        repo,
    },
    error::{ApiError, ApiResult, ErrorCode},
    http::{
        ApiPath, Created, Entity, WriteCommand, WriteContext,
        auth::{Grant, policy::Override},
        idempotency::or_replay,
    },
    id::{ClinicId, StaffId},
    openapi::Conflict,
    records::clinics::handlers::ClinicPath,
    sensitive::Sensitive,
    time::{LocalTimeError, Zone},
};

/// Book an appointment
///
/// The appointment and the day sheets of staff member, resources and patient are written in one transaction: two
/// bookings never meet in one slot. A hold that is over gives way, one that is not never does.
#[utoipa::path(
    post,
    path = "/v1/clinics/{clinic_id}/appointments",
    params(ClinicPath),
    request_body = AppointmentIn,
    responses(Conflict),
)]
pub async fn create_appointment(
    State(app): State<AppState>,
    grant: Grant,
    ApiPath(ClinicPath { clinic_id }): ApiPath<ClinicPath>,
    WriteCommand { body, context }: WriteCommand<AppointmentIn>,
) -> ApiResult<Created<AppointmentOut>> {
    let booked = async {
        let overrides = allowed(&grant, body.overrides)?;
        let at = (body.staff_id, body.start);
        book(&app, &context, clinic_id, at, overrides.any_hours, |new| Appointment {
            patient_id: Some(body.patient_id),
            resource_ids: body.resource_ids,
            visit_type_id: body.visit_type_id,
            duration_minutes: body.duration_minutes.unwrap_or_default(),
            overbooked: overrides.overbook,
            override_reason: overrides.reason,
            reason: body.reason,
            notes: body.notes,
            ..new
        })
        .await
    };
    let booked = or_replay(app.store(), &context, booked).await?;
    let location = path_of(&booked.value);
    Ok(Created::new(booked, location))
}

/// Books or holds what `fill` makes of a new appointment at `start`.
pub(super) async fn book(
    app: &AppState,
    context: &WriteContext,
    clinic: ClinicId,
    (staff, start): (StaffId, Start),
    any_hours: bool,
    fill: impl FnOnce(Appointment) -> Appointment,
) -> Result<Entity<Appointment>, ApiError> {
    let zone = app.clinics().zone(&context.org, &clinic).await?;
    let start = self::start(start, &zone, context.now)?;
    let appointment = fill(Appointment::new(clinic, zone.clone(), staff, start));
    let booked = repo::book(app.store(), context, appointment, any_hours).await;
    booked.map_err(|error| refusals::booking(error, &zone))
}

/// The path of an appointment.
pub(super) fn path_of(appointment: &Appointment) -> String {
    let Appointment { clinic_id, id, .. } = appointment;
    format!("/v1/clinics/{clinic_id}/appointments/{id}")
}

/// Overrides, allowed to the caller.
pub(super) struct Allowed {
    pub(super) overbook: bool,
    pub(super) any_hours: bool,
    pub(super) reason: Option<Sensitive<String>>,
}

/// Checks that the caller's roles allow the overrides.
pub(super) fn allowed(grant: &Grant, overrides: Option<OverridesIn>) -> Result<Allowed, ApiError> {
    let Some(OverridesIn { overbook, any_hours, reason }) = overrides else {
        return Ok(Allowed { overbook: false, any_hours: false, reason: None });
    };
    for (asked, what) in [(overbook, Override::Overbook), (any_hours, Override::AnyHours)] {
        if asked && !grant.may_override(what) {
            return Err(ApiError::new(
                ErrorCode::Forbidden,
                format!("The caller's roles do not allow {}.", what.as_str()),
            ));
        }
    }
    Ok(Allowed { overbook, any_hours, reason: Some(reason) })
}

pub(super) fn start(start: Start, zone: &Zone, now: Timestamp) -> Result<Timestamp, ApiError> {
    let wrong = |code, message: String| ApiError::field(code, "/start", message);
    let start = match start {
        Start::Instant(instant) => instant,
        Start::Local(local) => zone.instant_of(local).map_err(|error| {
            let code = match error {
                LocalTimeError::OutOfRange => ErrorCode::ValidationFailed,
                _ => ErrorCode::AmbiguousLocalTime,
            };
            wrong(code, error.to_string())
        })?,
    };
    check_start(start, now)
        .map_err(|error| wrong(ErrorCode::ValidationFailed, error.to_string()))?;
    Ok(start)
}
