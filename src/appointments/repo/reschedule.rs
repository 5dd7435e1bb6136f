//! Moving an appointment: the old time is freed and the new one taken in one transaction, under the same id.

use jiff::Timestamp;

use super::{
    decide::Refusal,
    schedule::{BookingError, replace},
};
use crate::{
    appointments::model::{Appointment, Rescheduled, Status},
    id::{AppointmentId, ClinicId, ResourceId, StaffId},
    sensitive::Sensitive,
    store::{Entity, Store, WriteContext},
};

/// A move of an appointment; what is `None` stays.
pub struct Move {
    /// The start.
    pub start: Option<Timestamp>,
    /// The length.
    pub duration_minutes: Option<u16>,
    /// The staff member of the clinic.
    pub staff_id: Option<StaffId>,
    /// The resources.
    pub resource_ids: Option<Vec<ResourceId>>,
    /// Whether it may overlap others there.
    pub overbooked: bool,
    /// The reason for overlapping others, or lying outside of working hours.
    pub override_reason: Option<Sensitive<String>>,
}

/// Moves an appointment: one GetItem, one BatchGetItem, beside it one Query of exceptions, one TransactWriteItems; with
/// another staff member and a visit type, one GetItem more. Its own old time counts as free. If it fails, the appointment
/// stays where it was. If it is there already, nothing is written but the `Idempotency-Key`, if there is one.
///
/// # Errors
/// [`BookingError`].
pub async fn reschedule(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &AppointmentId,
    to: &Move,
    any_hours: bool,
) -> Result<Entity<Appointment>, BookingError> {
    replace(store, context, (clinic, id), any_hours, |current| moved(current, to)).await
}

fn moved(current: &Appointment, to: &Move) -> Result<Appointment, Refusal> {
    if !matches!(current.status, Status::Scheduled | Status::Confirmed) {
        return Err(Refusal::NotMovable(current.status));
    }
    let start = to.start.unwrap_or(current.start);
    let moved = Appointment {
        start,
        date: current.time_zone.local_date(start),
        duration_minutes: to.duration_minutes.unwrap_or(current.duration_minutes),
        staff_id: to.staff_id.as_ref().unwrap_or(&current.staff_id).clone(),
        resource_ids: to.resource_ids.as_ref().unwrap_or(&current.resource_ids).clone(),
        ..current.clone()
    };
    if moved == *current {
        return Ok(moved);
    }
    Ok(Appointment {
        overbooked: to.overbooked,
        override_reason: to.override_reason.clone(),
        rescheduled_from: Some(Rescheduled {
            start: current.start,
            duration_minutes: current.duration_minutes,
            staff_id: current.staff_id.clone(),
        }),
        ..moved
    })
}
