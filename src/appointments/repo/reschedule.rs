//! Moving an appointment: the old time freed and the new one taken in one transaction, under the same id.

use jiff::Timestamp;

use super::{
    get,
    place::{place, unless_changed, until_placed},
    placing::{BookingError, Rules},
};
use crate::{
    appointments::model::{Appointment, Rescheduled, Status},
    id::{AppointmentId, ClinicId, ResourceId, StaffId},
    sensitive::Sensitive,
    store::{Entity, Store, StoreError, WriteContext},
    visit_types,
};

/// Where an appointment is to go; what is left out stays.
#[derive(Clone, Default)]
pub struct Move {
    /// When it is to begin.
    pub start: Option<Timestamp>,
    /// How long it is to take.
    pub duration_minutes: Option<u16>,
    /// With which staff member of the clinic.
    pub staff_id: Option<StaffId>,
    /// With which resources.
    pub resource_ids: Option<Vec<ResourceId>>,
    /// Whether it may overlap others there.
    pub overbooked: bool,
    /// Why it may overlap others, or lie outside of working hours.
    pub override_reason: Option<Sensitive<String>>,
}

/// Why an appointment can't be moved.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// Its status does not allow it.
    #[error("an appointment that is {0} can't be moved")]
    NotMovable(Status),
    /// The new time can't be had.
    #[error(transparent)]
    Booking(#[from] BookingError),
}

impl From<StoreError> for MoveError {
    fn from(error: StoreError) -> Self {
        Self::Booking(error.into())
    }
}

/// Moves an appointment: one GetItem, one BatchGetItem, beside it one Query of exceptions, one TransactWriteItems; with
/// another staff member and a type of visit, one GetItem more. It does not meet itself. If it fails, the appointment is where it was.
/// Where it is already, nothing is written but the `Idempotency-Key`, if there is one.
///
/// # Errors
/// [`MoveError`]. Nothing was written, unless it is [`StoreError::Unreachable`].
pub async fn reschedule(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &AppointmentId,
    to: &Move,
    rules: &Rules,
) -> Result<Entity<Appointment>, MoveError> {
    until_placed(|| attempt(store, context, clinic, id, to, rules)).await
}

async fn attempt(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &AppointmentId,
    to: &Move,
    rules: &Rules,
) -> Result<Option<Entity<Appointment>>, MoveError> {
    let current = get(store, &context.org, clinic, id, true).await?;
    context.precondition.check(current.meta.rev)?;
    let Some(target) = target_of(&current.value, to)? else {
        return Ok(unless_changed(store.keep_unchanged(context, current).await)?);
    };
    let moved = current.changed(target, context);
    let rules = rules_of(store, context, &current, &moved.value, rules).await?;
    Ok(place(store, context, Some(&current), &moved, &rules).await?)
}

/// The rules of the new place: with another staff member, the roles of the visit's type count, which costs a read.
async fn rules_of(
    store: &Store,
    context: &WriteContext,
    current: &Entity<Appointment>,
    target: &Appointment,
    rules: &Rules,
) -> Result<Rules, StoreError> {
    let Some(visit_type) = &target.visit_type_id else {
        return Ok(rules.clone());
    };
    if target.staff_id == current.value.staff_id {
        return Ok(rules.clone());
    }
    match visit_types::repo::get(store, &context.org, &target.clinic_id, visit_type, true).await {
        Ok(found) => Ok(Rules { roles: found.value.roles, ..rules.clone() }),
        // A type that is given no more restricts nobody.
        Err(StoreError::NotFound) => Ok(rules.clone()),
        Err(other) => Err(other),
    }
}

/// The appointment as it is to be; `None` if it is so already.
fn target_of(current: &Appointment, to: &Move) -> Result<Option<Appointment>, MoveError> {
    if !matches!(current.status, Status::Scheduled | Status::Confirmed) {
        return Err(MoveError::NotMovable(current.status));
    }
    let start = to.start.unwrap_or(current.start);
    let target = Appointment {
        start,
        date: current.time_zone.local_date(start),
        duration_minutes: to.duration_minutes.unwrap_or(current.duration_minutes),
        staff_id: to.staff_id.clone().unwrap_or_else(|| current.staff_id.clone()),
        resource_ids: to.resource_ids.clone().unwrap_or_else(|| current.resource_ids.clone()),
        ..current.clone()
    };
    if target == *current {
        return Ok(None);
    }
    Ok(Some(Appointment {
        overbooked: to.overbooked,
        override_reason: to.override_reason.clone(),
        rescheduled_from: Some(Rescheduled {
            start: current.start,
            duration_minutes: current.duration_minutes,
            staff_id: current.staff_id.clone(),
        }),
        ..target
    }))
}
