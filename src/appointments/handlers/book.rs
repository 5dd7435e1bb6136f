//! Booking and moving over HTTP.

use axum::extract::State;
use jiff::Timestamp;

use super::{AppointmentPath, shown};
use crate::{
    app::AppState,
    appointments::{
        dto::{AppointmentIn, AppointmentOut, OverridesIn, RescheduleIn, Start},
        model::{Appointment, check_start},
        repo::{self, Move},
    },
    error::{ApiError, ApiResult, ErrorCode},
    http::{
        ApiPath, Created, Entity, Updated, WriteCommand, WriteContext,
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
/// The appointment and the busy times of staff member, resources and patient are written in one
/// transaction: without `overbook`, two bookings never overlap. A `409` lists the nearest free
/// starts. A hold blocks its slot until it expires. If the patient has to decide first, hold the
/// slot.
#[utoipa::path(
    post,
    path = "/v1/clinics/{clinic_id}/appointments",
    params(ClinicPath),
    request_body(content = AppointmentIn, examples(
        ("by_length" = (summary = "By length", value = json!({
            "staff_id": "STF-2B7M1X9D4K8R0W5T3V6N8Q1C",
            "patient_id": "PAT-7ZQ4N0W8K2M6T1V5X9B3C4D0",
            "start": "2027-03-02T09:00:00",
            "duration_minutes": 30,
            "reason": "check-up"
        }))),
        ("by_visit_type" = (summary = "By visit type", value = json!({
            "staff_id": "STF-2B7M1X9D4K8R0W5T3V6N8Q1C",
            "patient_id": "PAT-7ZQ4N0W8K2M6T1V5X9B3C4D0",
            "visit_type_id": "VTY-5J2R8N0C6T9H3W7K1Z4M8Q2X",
            "start": "2027-03-02T10:00:00"
        }))),
        ("with_a_room" = (summary = "With a room", value = json!({
            "staff_id": "STF-2B7M1X9D4K8R0W5T3V6N8Q1C",
            "patient_id": "PAT-7ZQ4N0W8K2M6T1V5X9B3C4D0",
            "resource_ids": ["RES-9C3W6H1T8P5Z0K4M7Q2X1N6B"],
            "start": "2027-03-02T13:00:00",
            "duration_minutes": 30
        }))),
        ("overbooked" = (summary = "Overbooked", value = json!({
            "staff_id": "STF-2B7M1X9D4K8R0W5T3V6N8Q1C",
            "patient_id": "PAT-7ZQ4N0W8K2M6T1V5X9B3C4D0",
            "start": "2027-03-02T09:15:00",
            "duration_minutes": 15,
            "overrides": { "overbook": true, "reason": "emergency" }
        }))),
    )),
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
    let booked = shown(&app, &context, booked).await?;
    let location = path_of(&booked.value);
    Ok(Created::new(booked, location))
}

/// Completes a new appointment at `start` with `fill`, and books or holds it.
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
    let appointment = fill(Appointment::new(clinic, zone, staff, start));
    Ok(repo::book(app.store(), context, appointment, any_hours).await?)
}

pub(super) fn path_of(appointment: &Appointment) -> String {
    let Appointment { clinic_id, id, .. } = appointment;
    format!("/v1/clinics/{clinic_id}/appointments/{id}")
}

/// Move an appointment
///
/// Changes the time, duration, staff member or resources of a `scheduled` or `confirmed`
/// appointment at the same clinic. The id stays. One transaction frees the old slot and takes the
/// new one: if it fails, nothing changes.
#[utoipa::path(
    post,
    path = "/v1/clinics/{clinic_id}/appointments/{appointment_id}/reschedule",
    params(AppointmentPath),
    request_body(content = RescheduleIn, examples(
        ("to_another_time" = (summary = "To another time", value = json!({ "start": "2027-03-03T09:00:00" }))),
        ("to_another_room" = (summary = "To another staff member and room", value = json!({
            "staff_id": "STF-2B7M1X9D4K8R0W5T3V6N8Q1C",
            "resource_ids": ["RES-9C3W6H1T8P5Z0K4M7Q2X1N6B"]
        }))),
        ("longer" = (summary = "Longer", value = json!({ "duration_minutes": 45 }))),
    )),
    responses(Conflict),
)]
pub async fn reschedule_appointment(
    State(app): State<AppState>,
    grant: Grant,
    ApiPath(AppointmentPath { clinic_id, appointment_id }): ApiPath<AppointmentPath>,
    WriteCommand { body, context }: WriteCommand<RescheduleIn>,
) -> ApiResult<Updated<AppointmentOut>> {
    let moved = async {
        let Allowed { overbook, any_hours, reason } = allowed(&grant, body.overrides)?;
        let zone = app.clinics().zone(&context.org, &clinic_id).await?;
        let to = Move {
            start: body.start.map(|at| start(at, &zone, context.now)).transpose()?,
            duration_minutes: body.duration_minutes,
            staff_id: body.staff_id,
            resource_ids: body.resource_ids,
            overbooked: overbook,
            override_reason: reason,
        };
        let (store, id) = (app.store(), &appointment_id);
        Ok::<_, ApiError>(repo::reschedule(store, &context, &clinic_id, id, &to, any_hours).await?)
    };
    let moved = or_replay(app.store(), &context, moved).await?;
    shown(&app, &context, moved).await.map(Updated::new)
}

struct Allowed {
    overbook: bool,
    any_hours: bool,
    reason: Option<Sensitive<String>>,
}

/// Returns the overrides, or 403 if the caller's roles do not allow one of them.
fn allowed(grant: &Grant, overrides: Option<OverridesIn>) -> Result<Allowed, ApiError> {
    let Some(OverridesIn { overbook, any_hours, reason }) = overrides else {
        return Ok(Allowed { overbook: false, any_hours: false, reason: None });
    };
    for (asked, what) in [(overbook, Override::Overbook), (any_hours, Override::AnyHours)] {
        if asked && !grant.may_override(what) {
            return Err(ApiError::new(
                ErrorCode::Forbidden,
                format!(
                    "The caller's roles do not allow the override {}. Leave it out, or use a token with a role that allows it.",
                    what.as_str()
                ),
            ));
        }
    }
    Ok(Allowed { overbook, any_hours, reason: Some(reason) })
}

fn start(start: Start, zone: &Zone, now: Timestamp) -> Result<Timestamp, ApiError> {
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
