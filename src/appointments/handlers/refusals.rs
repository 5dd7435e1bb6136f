//! Refusals of bookings as callers read them.

use crate::{
    appointments::{
        model::Status,
        repo::{BookingError, Refusal},
    },
    error::{ApiError, Blocking, ErrorCode},
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
        Refusal::UnknownStaff => unknown("/staff_id", "is no staff member of this clinic"),
        Refusal::UnknownResource => {
            unknown("/resource_ids", "names what is no resource of this clinic")
        }
        Refusal::UnknownPatient => unknown("/patient_id", "is no patient of the organisation"),
        Refusal::UnknownVisitType => unknown("/visit_type_id", "is no visit type of this clinic"),
        Refusal::StaffInactive => ApiError::new(
            ErrorCode::StaffInactive,
            "The staff member is inactive or about to be deleted. Nothing was written.",
        ),
        Refusal::ResourceInactive(id) => ApiError::new(
            ErrorCode::ResourceInactive,
            "A resource is inactive or about to be deleted. Nothing was written.",
        )
        .with_blocking(Blocking::new("resource", &id)),
        Refusal::PatientInactive => ApiError::new(
            ErrorCode::PatientInactive,
            "The patient is inactive or about to be deleted. Nothing was written.",
        ),
        Refusal::RoleNotAllowed => ApiError::new(
            ErrorCode::RoleNotAllowed,
            "Visits of this type are given by staff of other roles. Nothing was written.",
        ),
        Refusal::Clash(clash, zone) => self::clash(&clash, &zone),
        Refusal::InvalidTransition(current, wanted) => {
            invalid_status(current, &format!("is {current} and can't become {wanted}"))
        }
        Refusal::NotMovable(current) => {
            invalid_status(current, &format!("is {current} and can't be moved"))
        }
        Refusal::HoldExpired => ApiError::new(
            ErrorCode::HoldExpired,
            "The hold is over, or was released: hold or book another time. Nothing was written.",
        ),
        Refusal::NotHeld(current) => {
            invalid_status(current, &format!("is {current}, and no hold any more"))
        }
        Refusal::Erased => ApiError::new(
            ErrorCode::AppointmentErased,
            "The appointment's patient was erased: it accepts no reasons and notes. Nothing was written.",
        ),
        Refusal::PatientMissing => invalid("is required: the hold has none"),
        Refusal::OtherPatient => invalid("is not the hold's patient"),
    }
}

fn invalid_status(current: Status, what: &str) -> ApiError {
    let detail = format!("The appointment {what}. Nothing was written.");
    ApiError::new(ErrorCode::InvalidTransition, detail).with_current_status(&current)
}

fn clash(clash: &Clash, zone: &Zone) -> ApiError {
    let (kind, id, code, detail) = match &clash.owner {
        SheetOwner::Staff { staff_id, .. } => (
            "staff",
            staff_id.as_str(),
            ErrorCode::StaffBusy,
            "Another appointment of the staff member overlaps. Nothing was written.",
        ),
        SheetOwner::Resource { resource_id, .. } => (
            "resource",
            resource_id.as_str(),
            ErrorCode::ResourceBusy,
            "Another appointment has the resource at that time. Nothing was written.",
        ),
        SheetOwner::Patient { patient_id } => (
            "patient",
            patient_id.as_str(),
            ErrorCode::PatientBusy,
            "Another appointment of the patient, at this clinic or another, overlaps. Nothing was written.",
        ),
    };
    let (code, detail) = match clash.obstacle {
        Obstacle::Busy => (code, detail),
        Obstacle::Full => (
            ErrorCode::DayFull,
            "A day of the one that blocking names has 400 appointments and holds. Nothing was written.",
        ),
        Obstacle::OffHours => (
            ErrorCode::OutsideWorkingHours,
            "The clinic is not open, or the one that blocking names does not work, all of that time. Nothing was written.",
        ),
    };
    let starts = clash.nearest_free.iter().map(|start| zone.with_offset(*start)).collect();
    ApiError::new(code, detail).with_nearest_free(starts).with_blocking(Blocking::new(kind, &id))
}
