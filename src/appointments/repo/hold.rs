//! The ends of a hold: confirmed into a booking, or released. That it is the holder who asks is the handler's to know.

use super::{
    get,
    lapsed::Lapsed,
    placing::{BookingError, Placing, Rules},
    update,
};
use crate::{
    appointments::model::{Appointment, Status},
    id::{AppointmentId, ClinicId, PatientId},
    schedule::repo::SheetChanges,
    sensitive::Sensitive,
    store::{Entity, Store, StoreError, WriteContext, retry::Backoff, write::Committed},
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
    let mut backoff = Backoff::default();
    loop {
        let current = get(store, &context.org, clinic, id, true).await?;
        context.precondition.check(current.meta.rev)?;
        if let Some(booked) = confirm(store, context, &current, confirmation).await? {
            return Ok(booked);
        }
        if !backoff.pause().await {
            return Err(StoreError::Contention.into());
        }
    }
}

async fn confirm(
    store: &Store,
    context: &WriteContext,
    current: &Entity<Appointment>,
    confirmation: &Confirmation,
) -> Result<Option<Entity<Appointment>>, HoldError> {
    let booked = current.changed(booking_of(context, current, confirmation)?, context);
    // When they work was asked when it was held.
    let rules = Rules { any_hours: true, roles: Vec::new() };
    let placing = Placing::new(context, &booked.value, &rules);
    let (mut found, hours) = placing.read(store).await?;
    if let Some(earlier) = placing.replayed(&mut found)? {
        return Ok(Some(earlier));
    }
    let sheets = placing.sheets(&mut found)?;
    let working = placing.check_people(&mut found, &hours)?;
    let lapsed = placing.decide(&sheets, &working)?;
    let Some(lapsed) = Lapsed::read(store, &lapsed).await? else {
        return Ok(None);
    };
    let mut changes = SheetChanges::default();
    placing.occupy(&mut changes, &sheets);
    let mut writes = vec![booked.replace(current)?];
    writes.extend(lapsed.end(context, &mut changes));
    writes.extend(changes.into_writes(context)?);
    writes.extend(placing.checks());
    match store.commit(context, writes).await {
        Ok(Committed::Written) => Ok(Some(booked)),
        Ok(Committed::Replayed(item)) => Ok(Some(Entity::from_item(item)?)),
        Err(StoreError::ConditionFailed(_)) => Ok(None),
        Err(other) => Err(other.into()),
    }
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
