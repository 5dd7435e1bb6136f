//! Why a visit can't be had, as callers read it.

use crate::{
    appointments::repo::{BookingError, HoldError, MoveError},
    error::{ApiError, Blocking, ErrorCode},
    schedule::model::{Clash, Obstacle, SheetOwner},
    time::Zone,
};

pub(super) fn booking(error: BookingError, zone: &Zone) -> ApiError {
    let unknown = |pointer, message| ApiError::field(ErrorCode::UnknownReference, pointer, message);
    match error {
        BookingError::UnknownClinic => ApiError::not_found(),
        BookingError::UnknownStaff => unknown("/staff_id", "is no staff member of this clinic"),
        BookingError::UnknownResource(_) => {
            unknown("/resource_ids", "names what is no resource of this clinic")
        }
        BookingError::UnknownPatient => unknown("/patient_id", "is no patient of the organisation"),
        BookingError::StaffInactive => ApiError::new(
            ErrorCode::StaffInactive,
            "The staff member is inactive or about to be deleted. Nothing was written.",
        ),
        BookingError::ResourceInactive(id) => ApiError::new(
            ErrorCode::ResourceInactive,
            "A resource is inactive or about to be deleted. Nothing was written.",
        )
        .with_blocking(Blocking::new("resource", &id)),
        BookingError::PatientInactive => ApiError::new(
            ErrorCode::PatientInactive,
            "The patient is inactive or about to be deleted. Nothing was written.",
        ),
        BookingError::RoleNotAllowed => ApiError::new(
            ErrorCode::RoleNotAllowed,
            "Visits of this type are given by staff of other roles. Nothing was written.",
        ),
        BookingError::Clash(clash) => self::clash(&clash, zone),
        BookingError::Store(error) => error.into(),
    }
}

fn clash(clash: &Clash, zone: &Zone) -> ApiError {
    let (kind, id) = match &clash.owner {
        SheetOwner::Staff { staff_id, .. } => ("staff", staff_id.as_str()),
        SheetOwner::Resource { resource_id, .. } => ("resource", resource_id.as_str()),
        SheetOwner::Patient { patient_id } => ("patient", patient_id.as_str()),
    };
    let (code, detail) = match (clash.obstacle, &clash.owner) {
        (Obstacle::OffHours, _) => (
            ErrorCode::OutsideWorkingHours,
            "The clinic is not open, or the one that blocking names does not work, all of that time. Nothing was written.",
        ),
        (Obstacle::Busy, SheetOwner::Staff { .. }) => (
            ErrorCode::StaffBusy,
            "Another appointment of the staff member overlaps. Nothing was written.",
        ),
        (Obstacle::Busy, SheetOwner::Resource { .. }) => (
            ErrorCode::ResourceBusy,
            "Another appointment has the resource at that time. Nothing was written.",
        ),
        (Obstacle::Busy, SheetOwner::Patient { .. }) => (
            ErrorCode::PatientBusy,
            "Another appointment of the patient, at this clinic or another, overlaps. Nothing was written.",
        ),
    };
    let starts = clash.nearest_free.iter().map(|start| zone.with_offset(*start)).collect();
    ApiError::new(code, detail).with_nearest_free(starts).with_blocking(Blocking::new(kind, &id))
}

pub(super) fn moving(error: MoveError, zone: &Zone) -> ApiError {
    match error {
        MoveError::NotMovable(current) => ApiError::new(
            ErrorCode::InvalidTransition,
            format!("The appointment is {current} and can't be moved. Nothing was written."),
        )
        .with_current_status(&current),
        MoveError::Booking(error) => booking(error, zone),
    }
}

pub(super) fn hold(error: HoldError, zone: &Zone) -> ApiError {
    match error {
        HoldError::Expired => ApiError::new(
            ErrorCode::HoldExpired,
            "The hold is over, or was released: hold or book another time. Nothing was written.",
        ),
        HoldError::NotHeld(current) => ApiError::new(
            ErrorCode::InvalidTransition,
            format!("The appointment is {current}, and no hold any more. Nothing was written."),
        )
        .with_current_status(&current),
        HoldError::PatientMissing => ApiError::field(
            ErrorCode::ValidationFailed,
            "/patient_id",
            "is required: the hold has none",
        ),
        HoldError::OtherPatient => {
            ApiError::field(ErrorCode::ValidationFailed, "/patient_id", "is not the hold's patient")
        }
        HoldError::Booking(error) => booking(error, zone),
    }
}
