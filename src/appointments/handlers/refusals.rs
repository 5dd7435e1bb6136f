//! Conversion of refused bookings to API errors.

use crate::{
    appointments::{
        model::Status,
        repo::{BookingError, Refusal},
    },
    error::{ApiError, Blocking, ErrorCode},
    records::patients,
    scheduling::model::{Clash, Obstacle, SheetOwner},
    time::Zone,
};

impl From<BookingError> for ApiError {
    fn from(error: BookingError) -> Self {
        match error {
            BookingError::Refused(refusal) => refused(refusal),
            BookingError::Store(error) => error.into(),
        }
    }
}

fn refused(refusal: Refusal) -> ApiError {
    let unknown = |pointer, message| ApiError::field(ErrorCode::UnknownReference, pointer, message);
    let invalid = |message| ApiError::field(ErrorCode::ValidationFailed, "/patient_id", message);
    match refusal {
        Refusal::UnknownClinic => ApiError::not_found(),
        Refusal::UnknownStaff => unknown("/staff_id", "is not a staff member of this clinic"),
        Refusal::UnknownResource => {
            unknown("/resource_ids", "must contain only resources of this clinic")
        }
        Refusal::UnknownPatient => unknown("/patient_id", "is not a patient of the organisation"),
        Refusal::UnknownVisitType => {
            unknown("/visit_type_id", "is not a visit type of this clinic")
        }
        Refusal::StaffInactive => ApiError::new(
            ErrorCode::StaffInactive,
            "The staff member is inactive or is being deleted. Choose another staff member.",
        ),
        Refusal::ResourceInactive(id) => ApiError::new(
            ErrorCode::ResourceInactive,
            "The resource named in blocking is inactive or is being deleted. Choose another resource.",
        )
        .with_blocking(Blocking::new("resource", &id)),
        Refusal::PatientInactive => ApiError::new(
            ErrorCode::PatientInactive,
            "The patient is inactive or is being deleted. Set active to true if it is false, or retry after five minutes.",
        ),
        Refusal::PatientMerged(merged_into) => patients::repo::merged(&merged_into),
        Refusal::RoleNotAllowed => ApiError::new(
            ErrorCode::RoleNotAllowed,
            "The staff member's role is not one of the visit type's roles. Choose a staff member with one of these roles.",
        ),
        Refusal::Clash(clash, nearest_free, zone) => {
            let starts = nearest_free.iter().map(|start| zone.with_offset(*start)).collect();
            self::clash(&clash, &zone).with_nearest_free(starts)
        }
        Refusal::InvalidTransition(current, wanted) => {
            invalid_status(current, &format!("is {current} and cannot become {wanted}"))
        }
        Refusal::BeforeVisitDay(wanted, day_begins, zone) => {
            let from = zone.with_offset(day_begins);
            let detail = format!(
                "{wanted} is accepted from the day of the visit in the clinic's local time. Retry from {from} on."
            );
            ApiError::new(ErrorCode::BeforeVisitDay, detail).with_allowed_from(from)
        }
        Refusal::NotMovable(current) => {
            invalid_status(current, &format!("is {current} and cannot be moved"))
        }
        Refusal::HoldExpired => ApiError::new(
            ErrorCode::HoldExpired,
            "The hold has expired or was released. Create a new hold, or book the appointment directly.",
        ),
        Refusal::NotHeld(current) => {
            invalid_status(current, &format!("is {current} and is no longer a hold"))
        }
        Refusal::Erased => ApiError::new(
            ErrorCode::AppointmentErased,
            "The appointment accepts no reason or notes, because its patient was erased. Send the request without them.",
        ),
        Refusal::PatientMissing => invalid("is required, because the hold has no patient"),
        Refusal::OtherPatient => invalid("must be the patient of the hold"),
    }
}

fn invalid_status(current: Status, what: &str) -> ApiError {
    let allowed: Vec<_> = current.steps().iter().map(ToString::to_string).collect();
    let steps = if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") };
    // Other operations set these two statuses.
    let hint = match current {
        Status::Held => " A hold is confirmed or released with its secret.",
        _ if current.steps().contains(&Status::Cancelled) => " To cancel, use POST …/cancel.",
        _ => "",
    };
    let detail = format!("The appointment {what}. Allowed next statuses: {steps}.{hint}");
    ApiError::new(ErrorCode::InvalidTransition, detail).with_current_status(&current, allowed)
}

fn clash(clash: &Clash, zone: &Zone) -> ApiError {
    let (kind, id, code, detail) = match &clash.owner {
        SheetOwner::Staff { staff_id, .. } => (
            "staff",
            staff_id.as_str(),
            ErrorCode::StaffBusy,
            "Another appointment of the staff member overlaps the requested time. Choose a start from nearest_free.",
        ),
        SheetOwner::Resource { resource_id, .. } => (
            "resource",
            resource_id.as_str(),
            ErrorCode::ResourceBusy,
            "Another appointment uses the resource at the requested time. Choose a start from nearest_free.",
        ),
        SheetOwner::Patient { patient_id } => (
            "patient",
            patient_id.as_str(),
            ErrorCode::PatientBusy,
            "Another appointment of the patient, at this clinic or another, overlaps the requested time. Choose a start from nearest_free.",
        ),
    };
    let mut blocking = Blocking::new(kind, &id);
    let (code, detail) = match clash.obstacle {
        Obstacle::Busy => (code, detail.to_owned()),
        Obstacle::Held(until) => {
            let until = zone.with_offset(until);
            let detail = format!(
                "A hold reserves the requested time until {until}. Choose a start from nearest_free, or retry when the hold ends."
            );
            blocking.held_until = Some(until);
            (code, detail)
        }
        Obstacle::Full => (
            ErrorCode::DayFull,
            "The record named in blocking has 400 appointments and holds on one UTC day, the maximum. Choose a start from nearest_free.".to_owned(),
        ),
        Obstacle::OffHours => (
            ErrorCode::OutsideWorkingHours,
            "The requested time is not completely within the working hours of the record named in blocking. Choose a start from nearest_free.".to_owned(),
        ),
        Obstacle::Closed => {
            blocking = clash.owner.clinic_id().map_or(blocking, |id| Blocking::new("clinic", id));
            let detail = "The requested time is not completely within the clinic's opening hours. Choose a start from nearest_free.";
            (ErrorCode::OutsideWorkingHours, detail.to_owned())
        }
    };
    ApiError::new(code, detail).with_blocking(blocking)
}
