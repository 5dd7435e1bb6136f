//! The ends of a hold: confirmed into an appointment, or released. The handler checks that the caller is the holder.

use jiff::Timestamp;

use super::{
    change::update,
    decide::Refusal,
    schedule::{BookingError, replace},
};
use crate::{
    appointments::model::{Appointment, Status},
    id::{AppointmentId, ClinicId, PatientId},
    sensitive::Sensitive,
    store::{Entity, Store, WriteContext},
};

/// The members that a confirmation adds to a hold.
pub struct Confirmation {
    /// The patient, if the hold has none.
    pub patient_id: Option<PatientId>,
    /// The reason for the visit.
    pub reason: Option<Sensitive<String>>,
    /// The notes of staff.
    pub notes: Option<Sensitive<String>>,
}

/// Confirms a hold that is not over: one GetItem, one BatchGetItem, one TransactWriteItems.
///
/// # Errors
/// [`BookingError`].
pub async fn confirm_hold(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &AppointmentId,
    confirmation: &Confirmation,
) -> Result<Entity<Appointment>, BookingError> {
    // Working hours were checked when it was held.
    let any_hours = true;
    let confirmed = |hold: &Appointment| confirmed(hold, confirmation, context.now);
    replace(store, context, (clinic, id), any_hours, confirmed).await
}

fn confirmed(
    hold: &Appointment,
    confirmation: &Confirmation,
    now: Timestamp,
) -> Result<Appointment, Refusal> {
    let Confirmation { patient_id, reason, notes } = confirmation;
    check_held(hold)?;
    if hold.hold_expires_at.is_none_or(|expires_at| expires_at <= now) {
        return Err(Refusal::HoldExpired);
    }
    let patient_id = match (&hold.patient_id, patient_id) {
        (Some(held), Some(named)) if held != named => return Err(Refusal::OtherPatient),
        (None, None) => return Err(Refusal::PatientMissing),
        (held, named) => held.as_ref().or(named.as_ref()).cloned(),
    };
    Ok(Appointment {
        patient_id,
        status: Status::Scheduled,
        hold_expires_at: None,
        reason: reason.as_ref().or(hold.reason.as_ref()).cloned(),
        notes: notes.as_ref().or(hold.notes.as_ref()).cloned(),
        ..hold.clone()
    })
}

fn check_held(appointment: &Appointment) -> Result<(), Refusal> {
    match appointment.status {
        Status::Held => Ok(()),
        Status::Expired => Err(Refusal::HoldExpired),
        other => Err(Refusal::NotHeld(other)),
    }
}

/// Releases a hold and frees its time: one GetItem, one TransactWriteItems.
///
/// # Errors
/// [`BookingError`].
pub async fn release_hold(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &AppointmentId,
) -> Result<Entity<Appointment>, BookingError> {
    update(store, context, clinic, id, |hold| {
        check_held(hold)?;
        Ok(Appointment { status: Status::Expired, ..hold.clone() })
    })
    .await
}
