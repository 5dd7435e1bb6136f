//! The ends of a hold: confirmed into a booking, or released. That it is the holder who asks is the handler's to know.

use super::{
    get,
    place::{place, until_placed},
    placing::{BookingError, Rules},
    update,
};
use crate::{
    appointments::model::{Appointment, Status},
    id::{AppointmentId, ClinicId, PatientId},
    sensitive::Sensitive,
    store::{Entity, Store, StoreError, WriteContext},
};

/// What a hold's confirmation adds to it.
#[derive(Clone)]
pub struct Confirmation {
    /// For whom, if the hold does not say.
    pub patient_id: Option<PatientId>,
    /// What it is for.
    pub reason: Option<Sensitive<String>>,
    /// What staff noted of it.
    pub notes: Option<Sensitive<String>>,
}

/// Why a hold can't be confirmed or released.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// It is over, or was released.
    #[error("the hold is over")]
    Expired,
    /// It is none any more.
    #[error("the appointment is {0} and not held")]
    NotHeld(Status),
    /// Neither the hold nor its confirmation names a patient.
    #[error("the hold has no patient yet")]
    PatientMissing,
    /// The hold is for another patient.
    #[error("the hold is for another patient")]
    OtherPatient,
    /// The booking can't be had.
    #[error(transparent)]
    Booking(#[from] BookingError),
}

impl From<StoreError> for HoldError {
    fn from(error: StoreError) -> Self {
        Self::Booking(error.into())
    }
}

/// Makes a booking of a hold that is not over: one GetItem, one BatchGetItem, one TransactWriteItems.
///
/// # Errors
/// [`HoldError`]. Nothing was written, unless it is [`StoreError::Unreachable`].
pub async fn confirm_hold(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &AppointmentId,
    confirmation: &Confirmation,
) -> Result<Entity<Appointment>, HoldError> {
    // When they work was asked when it was held.
    let rules = Rules { any_hours: true, roles: Vec::new() };
    until_placed(|| confirm(store, context, clinic, id, confirmation, &rules)).await
}

async fn confirm(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &AppointmentId,
    confirmation: &Confirmation,
    rules: &Rules,
) -> Result<Option<Entity<Appointment>>, HoldError> {
    let current = get(store, &context.org, clinic, id, true).await?;
    context.precondition.check(current.meta.rev)?;
    let booked = current.changed(booking_of(context, &current, confirmation)?, context);
    Ok(place(store, context, Some(&current), &booked, rules).await?)
}

fn booking_of(
    context: &WriteContext,
    current: &Entity<Appointment>,
    confirmation: &Confirmation,
) -> Result<Appointment, HoldError> {
    let hold = &current.value;
    check_held(hold)?;
    if hold.hold_expires_at.is_none_or(|expires_at| expires_at <= context.now) {
        return Err(HoldError::Expired);
    }
    let patient_id = match (&hold.patient_id, &confirmation.patient_id) {
        (Some(held), Some(named)) if held != named => return Err(HoldError::OtherPatient),
        (None, None) => return Err(HoldError::PatientMissing),
        (held, named) => held.clone().or_else(|| named.clone()),
    };
    let Confirmation { reason, notes, .. } = confirmation.clone();
    Ok(Appointment {
        patient_id,
        status: Status::Scheduled,
        hold_expires_at: None,
        reason: reason.or_else(|| hold.reason.clone()),
        notes: notes.or_else(|| hold.notes.clone()),
        ..hold.clone()
    })
}

fn check_held(appointment: &Appointment) -> Result<(), HoldError> {
    match appointment.status {
        Status::Held => Ok(()),
        Status::Expired => Err(HoldError::Expired),
        other => Err(HoldError::NotHeld(other)),
    }
}

/// Gives a hold's time back: one GetItem, one TransactWriteItems.
///
/// # Errors
/// [`HoldError`]. Nothing was written, unless it is [`StoreError::Unreachable`].
pub async fn release_hold(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &AppointmentId,
) -> Result<Entity<Appointment>, HoldError> {
    update(store, context, clinic, id, |current| {
        check_held(current)?;
        Ok(Appointment { status: Status::Expired, ..current.clone() })
    })
    .await
}
