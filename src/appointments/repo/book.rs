//! Booking and holding: one consistent read, one decision in pure code, one transaction.

use jiff::Timestamp;

use super::{
    place::{place, until_placed},
    placing::{BookingError, Rules},
};
use crate::{
    appointments::model::{Appointment, Status},
    id::{AppointmentId, ClinicId, PatientId, ResourceId, StaffId, VisitTypeId},
    sensitive::Sensitive,
    store::{Entity, Store, WriteContext},
    time::Zone,
};

/// What somebody wants to book or to hold, every bound of it checked.
#[derive(Clone)]
pub struct Booking {
    /// The clinic.
    pub clinic_id: ClinicId,
    /// The clinic's time zone.
    pub time_zone: Zone,
    /// The staff member.
    pub staff_id: StaffId,
    /// The patient; a hold needs none.
    pub patient_id: Option<PatientId>,
    /// The rooms and the equipment that it needs.
    pub resource_ids: Vec<ResourceId>,
    /// What type of visit it is.
    pub visit_type_id: Option<VisitTypeId>,
    /// When it begins.
    pub start: Timestamp,
    /// How long it takes.
    pub duration_minutes: u16,
    /// What staff and resources need before and after it, in minutes.
    pub buffer_minutes: (u16, u16),
    /// Until when it is held, if it is not booked at once.
    pub held_until: Option<Timestamp>,
    /// Whether it may overlap others.
    pub overbooked: bool,
    /// Why it may overlap others, or lie outside of working hours.
    pub override_reason: Option<Sensitive<String>>,
    /// What it is for.
    pub reason: Option<Sensitive<String>>,
    /// What staff noted of it.
    pub notes: Option<Sensitive<String>>,
}

impl Booking {
    fn appointment(self) -> Appointment {
        let date = self.time_zone.local_date(self.start);
        let status = if self.held_until.is_some() { Status::Held } else { Status::Scheduled };
        Appointment {
            id: AppointmentId::random_on(date),
            clinic_id: self.clinic_id,
            staff_id: self.staff_id,
            patient_id: self.patient_id,
            resource_ids: self.resource_ids,
            visit_type_id: self.visit_type_id,
            date,
            start: self.start,
            duration_minutes: self.duration_minutes,
            buffer_before_minutes: self.buffer_minutes.0,
            buffer_after_minutes: self.buffer_minutes.1,
            time_zone: self.time_zone,
            status,
            hold_expires_at: self.held_until,
            overbooked: self.overbooked,
            override_reason: self.override_reason,
            rescheduled_from: None,
            reason: self.reason,
            notes: self.notes,
            cancellation_reason: None,
        }
    }
}

/// Books or holds an appointment, or returns what the same `Idempotency-Key` made before.
///
/// One BatchGetItem, beside it one Query of exceptions, and one TransactWriteItems; all again, when a sheet changed in
/// between. One BatchGetItem more where lapsed holds stand in the way.
///
/// # Errors
/// [`BookingError`]. Nothing was written, unless it is [`Unreachable`](crate::store::StoreError::Unreachable).
pub async fn book(
    store: &Store,
    context: &WriteContext,
    booking: Booking,
    rules: &Rules,
) -> Result<Entity<Appointment>, BookingError> {
    let appointment = Entity::new(booking.appointment(), context);
    until_placed(|| place(store, context, None, &appointment, rules)).await
}
