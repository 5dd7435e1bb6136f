//! Moves of appointments, and confirmation and release of holds. The handler checks that the caller
//! has the hold's secret.

use jiff::Timestamp;

use super::{
    change::update,
    decide::Refusal,
    find::get,
    schedule::{BookingError, commit, unless_changed, until_committed, visit_type},
    snapshot::Draft,
};
use crate::{
    appointments::model::{Appointment, Rescheduled, Status},
    id::{AppointmentId, ClinicId, PatientId, ResourceId, StaffId},
    sensitive::Sensitive,
    store::{Entity, Store, WriteContext, codec::differing},
};

/// A move of an appointment. `None` keeps the current value.
pub struct Move {
    /// The start.
    pub start: Option<Timestamp>,
    /// The duration.
    pub duration_minutes: Option<u16>,
    /// The staff member of the clinic.
    pub staff_id: Option<StaffId>,
    /// The resources.
    pub resource_ids: Option<Vec<ResourceId>>,
    /// Whether it may overlap other appointments.
    pub overbooked: bool,
    /// The reason why it may overlap others or lie outside working hours.
    pub override_reason: Option<Sensitive<String>>,
}

/// Moves an appointment: one GetItem, then one BatchGetItem in parallel with Queries of exceptions,
/// then one TransactWriteItems. Its own old time counts as free. If nothing changes, nothing is
/// written except the `Idempotency-Key`, if there is one.
pub async fn reschedule(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &AppointmentId,
    to: &Move,
    any_hours: bool,
) -> Result<Entity<Appointment>, BookingError> {
    let moved = |current: &Appointment| {
        if !matches!(current.status, Status::Scheduled | Status::Confirmed) {
            return Err(Refusal::NotMovable(current.status).into());
        }
        let at_start = match to.start {
            Some(start) => current.clone().starting_at(start),
            None => current.clone(),
        };
        let moved = Appointment {
            duration_minutes: to.duration_minutes.unwrap_or(current.duration_minutes),
            staff_id: to.staff_id.as_ref().unwrap_or(&current.staff_id).clone(),
            resource_ids: to.resource_ids.as_ref().unwrap_or(&current.resource_ids).clone(),
            ..at_start
        };
        if moved == *current {
            return Ok(moved);
        }
        let mut from = Rescheduled {
            start: current.start,
            duration_minutes: current.duration_minutes,
            staff_id: current.staff_id.clone(),
            changed: Vec::new(),
        };
        let moved = Appointment {
            overbooked: to.overbooked,
            override_reason: to.override_reason.clone(),
            rescheduled_from: Some(from.clone()),
            ..moved
        };
        from.changed = differing(current, &moved)?;
        Ok::<_, BookingError>(Appointment { rescheduled_from: Some(from), ..moved })
    };
    replace(store, context, (clinic, id), any_hours, moved).await
}

/// The members that a confirmation adds to a hold.
pub struct Confirmation {
    /// The patient, if the hold has none.
    pub patient_id: Option<PatientId>,
    /// The reason for the visit.
    pub reason: Option<Sensitive<String>>,
    /// Notes for staff.
    pub notes: Option<Sensitive<String>>,
}

/// Confirms a hold that has not expired: one GetItem, one BatchGetItem, one TransactWriteItems.
pub async fn confirm_hold(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &AppointmentId,
    confirmation: &Confirmation,
) -> Result<Entity<Appointment>, BookingError> {
    let Confirmation { patient_id, reason, notes } = confirmation;
    let confirmed = |hold: &Appointment| {
        check_held(hold, context.now)?;
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
    };
    // Working hours were checked when the hold was created.
    replace(store, context, (clinic, id), true, confirmed).await
}

/// Checks that an appointment is a hold that has not expired. A lapsed hold keeps the status `held`
/// until a booking takes its time.
fn check_held(appointment: &Appointment, now: Timestamp) -> Result<(), Refusal> {
    let lasts = appointment.hold_expires_at.is_some_and(|expires_at| expires_at > now);
    match appointment.status {
        Status::Held if lasts => Ok(()),
        Status::Held | Status::Expired => Err(Refusal::HoldExpired),
        other => Err(Refusal::NotHeld(other)),
    }
}

/// Releases a hold that has not expired and frees its time: one GetItem, one TransactWriteItems.
pub async fn release_hold(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &AppointmentId,
) -> Result<Entity<Appointment>, BookingError> {
    update(store, context, clinic, id, |hold| {
        check_held(hold, context.now)?;
        Ok(Appointment { status: Status::Expired, ..hold.clone() })
    })
    .await
}

/// Replaces an appointment with the result of `change` and checks its time again. If `change`
/// changes nothing, nothing is written. For another staff member, one more GetItem reads the roles
/// that the visit type allows.
async fn replace<E: Into<BookingError>>(
    store: &Store,
    context: &WriteContext,
    (clinic, id): (&ClinicId, &AppointmentId),
    any_hours: bool,
    change: impl Fn(&Appointment) -> Result<Appointment, E> + Sync,
) -> Result<Entity<Appointment>, BookingError> {
    until_committed(store, || async {
        let current = get(store, &context.org, clinic, id, true).await?;
        context.precondition.check(current.meta.rev)?;
        let changed = change(&current.value).map_err(Into::into)?;
        if changed == current.value {
            return Ok(unless_changed(store.keep_unchanged(context, current).await)?);
        }
        let mut roles = Vec::new();
        if changed.staff_id != current.value.staff_id {
            // A deleted visit type restricts no roles.
            let visit_type = visit_type(store, context, &changed).await?;
            roles = visit_type.map(|visit_type| visit_type.details.roles).unwrap_or_default();
        }
        let draft = Draft::new(current.changed(changed, context), any_hours);
        commit(store, context, &Draft { replaces: Some(current), roles, ..draft }).await
    })
    .await
}
