//! Booking over HTTP.

use axum::{extract::State, response::Response};
use jiff::Timestamp;

use super::{refusals, tagged};
use crate::{
    app::AppState,
    appointments::{
        dto::{AppointmentIn, AppointmentOut, OverridesIn, Start},
        model::{Appointment, check_start},
        repo::{self, Booking, Rules},
    },
    error::{ApiError, ApiResult, ErrorCode},
    http::{
        ApiPath, Entity, IdempotencyKey, WriteCommand, WriteContext,
        auth::{Grant, policy::Override},
        idempotency::or_replay,
    },
    id::{ClinicId, VisitTypeId},
    openapi::BookProblems,
    time::{LocalTimeError, Zone},
    visit_types,
};

/// Book an appointment
///
/// The appointment and the day sheets of staff member, resources and patient are written in one transaction: two
/// bookings never meet in one slot. A hold that is over gives way, one that is not never does.
#[utoipa::path(
    post,
    path = "/v1/clinics/{clinic_id}/appointments",
    tag = "appointments",
    params(("clinic_id" = ClinicId, Path), IdempotencyKey),
    request_body = AppointmentIn,
    responses(
        (status = CREATED, description = "The appointment.", body = AppointmentOut,
         headers(("ETag" = String), ("Location" = String))),
        BookProblems,
    ),
)]
pub async fn create_appointment(
    State(app): State<AppState>,
    grant: Grant,
    ApiPath(clinic): ApiPath<ClinicId>,
    WriteCommand { body, context }: WriteCommand<AppointmentIn>,
) -> ApiResult<Response> {
    let booked = book(&app, &grant, &context, clinic, body).await;
    let booked = or_replay(app.store(), &context, booked).await?;
    let Appointment { id, clinic_id, .. } = &booked.value;
    let location = format!("/v1/clinics/{clinic_id}/appointments/{id}");
    Ok(tagged(booked).created(&location))
}

async fn book(
    app: &AppState,
    grant: &Grant,
    context: &WriteContext,
    clinic_id: ClinicId,
    body: AppointmentIn,
) -> Result<Entity<Appointment>, ApiError> {
    let overrides = allowed(grant, body.overrides)?;
    let time_zone = app.clinics().zone(&context.org, &clinic_id).await?;
    let start = start(body.start, &time_zone, context.now)?;
    let length =
        length(app, context, &clinic_id, body.duration_minutes, body.visit_type_id.as_ref())
            .await?;
    let rules = Rules { any_hours: overrides.any_hours, roles: length.roles };
    let booking = Booking {
        clinic_id,
        time_zone: time_zone.clone(),
        staff_id: body.staff_id,
        patient_id: Some(body.patient_id),
        resource_ids: body.resource_ids,
        visit_type_id: body.visit_type_id,
        start,
        duration_minutes: length.minutes,
        buffer_minutes: length.buffers,
        held_until: None,
        overbooked: overrides.overbook,
        override_reason: overrides.reason,
        reason: body.reason,
        notes: body.notes,
    };
    let booked = repo::book(app.store(), context, booking, &rules).await;
    booked.map_err(|error| refusals::booking(error, &time_zone))
}

/// Overrides that the caller may use.
pub(super) struct Allowed {
    pub(super) overbook: bool,
    pub(super) any_hours: bool,
    pub(super) reason: Option<crate::sensitive::Sensitive<String>>,
}

/// The overrides, if the caller's roles allow them.
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

/// How long a visit takes, what it needs around it, and who gives it.
pub(super) struct Length {
    pub(super) minutes: u16,
    pub(super) buffers: (u16, u16),
    pub(super) roles: Vec<String>,
}

/// The length that a body says, itself or by a type of visit: then it costs a read.
pub(super) async fn length(
    app: &AppState,
    context: &WriteContext,
    clinic: &ClinicId,
    minutes: Option<u16>,
    visit_type: Option<&VisitTypeId>,
) -> Result<Length, ApiError> {
    let Some(id) = visit_type else {
        return Ok(Length {
            minutes: minutes.unwrap_or_default(),
            buffers: (0, 0),
            roles: Vec::new(),
        });
    };
    let found = visit_types::repo::get(app.store(), &context.org, clinic, id, true).await;
    let found = found.map_err(|error| match ApiError::from(error) {
        missing if missing.code() == ErrorCode::NotFound => ApiError::field(
            ErrorCode::UnknownReference,
            "/visit_type_id",
            "is no visit type of this clinic",
        ),
        other => other,
    })?;
    let visit_type = found.value;
    Ok(Length {
        minutes: visit_type.duration_minutes,
        buffers: (visit_type.buffer_before_minutes, visit_type.buffer_after_minutes),
        roles: visit_type.roles,
    })
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
