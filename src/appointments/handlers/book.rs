//! Booking over HTTP.

use axum::{extract::State, response::Response};
use jiff::Timestamp;

use super::tagged;
use crate::{
    app::AppState,
    appointments::{
        dto::{AppointmentIn, AppointmentOut, Start},
        model::{Appointment, check_start},
        repo::{self, Booking, BookingError},
    },
    clinics,
    error::{ApiError, ApiResult, ErrorCode},
    http::{ApiPath, Entity, IdempotencyKey, WriteCommand, WriteContext, idempotency::or_replay},
    id::ClinicId,
    openapi::BookProblems,
    schedule::model::{Busy, Clash},
    time::{LocalTimeError, Zone},
};

/// Book an appointment
///
/// The appointment and the day sheets of staff member and patient are written in one transaction: two bookings
/// never meet in one slot.
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
    ApiPath(clinic): ApiPath<ClinicId>,
    WriteCommand { body, context }: WriteCommand<AppointmentIn>,
) -> ApiResult<Response> {
    let booked = book(&app, &context, clinic, body).await;
    let booked = or_replay(app.store(), &context, booked).await?;
    let Appointment { id, clinic_id, .. } = &booked.value;
    let location = format!("/v1/clinics/{clinic_id}/appointments/{id}");
    Ok(tagged(booked).created(&location))
}

async fn book(
    app: &AppState,
    context: &WriteContext,
    clinic_id: ClinicId,
    body: AppointmentIn,
) -> Result<Entity<Appointment>, ApiError> {
    let time_zone = app.clinics().zone(&context.org, &clinic_id).await?;
    let start = start(body.start, &time_zone, context.now)?;
    let clinic = clinic_id.clone();
    let booking = Booking {
        clinic_id,
        time_zone: time_zone.clone(),
        staff_id: body.staff_id,
        patient_id: body.patient_id,
        start,
        duration_minutes: body.duration_minutes,
        reason: body.reason,
        notes: body.notes,
    };
    match repo::book(app.store(), context, booking).await {
        Err(BookingError::UnknownStaff) => {
            // The time zone is remembered of clinics that are gone as well.
            clinics::repo::require(app.store(), &context.org, &clinic).await?;
            Err(refused(BookingError::UnknownStaff, &time_zone))
        }
        booked => booked.map_err(|error| refused(error, &time_zone)),
    }
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

fn refused(error: BookingError, zone: &Zone) -> ApiError {
    let unknown = |pointer, message| ApiError::field(ErrorCode::UnknownReference, pointer, message);
    match error {
        BookingError::UnknownStaff => unknown("/staff_id", "is no staff member of this clinic"),
        BookingError::UnknownPatient => unknown("/patient_id", "is no patient of the organisation"),
        BookingError::StaffInactive => ApiError::new(
            ErrorCode::StaffInactive,
            "The staff member is inactive or about to be deleted. Nothing was written.",
        ),
        BookingError::PatientInactive => ApiError::new(
            ErrorCode::PatientInactive,
            "The patient is inactive or about to be deleted. Nothing was written.",
        ),
        BookingError::Busy(clash) => busy(&clash, zone),
        BookingError::Store(error) => error.into(),
    }
}

fn busy(clash: &Clash, zone: &Zone) -> ApiError {
    let (code, detail) = match clash.busy {
        Busy::Staff => (
            ErrorCode::StaffBusy,
            "Another appointment of the staff member overlaps. Nothing was written.",
        ),
        Busy::Patient => (
            ErrorCode::PatientBusy,
            "Another appointment of the patient, at this clinic or another, overlaps. Nothing was written.",
        ),
    };
    let starts = clash.nearest_free.iter().map(|start| zone.with_offset(*start)).collect();
    ApiError::new(code, detail).with_nearest_free(starts)
}
