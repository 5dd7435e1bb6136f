//! Finding an appointment by its id.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    appointments::model::Appointment,
    id::{AppointmentId, ClinicId, OrgId},
    store::{
        Entity, Key, Meta, Record, Store, StoreError, WriteContext,
        attributes::string,
        expression::Condition,
        keys::{self, IndexKey},
        write::Write,
    },
};

impl Record for Appointment {
    const TYPE: &'static str = "appointment";

    fn key(&self) -> Key {
        keys::appointment(&self.clinic_id, (self.date, self.start), &self.id)
    }

    fn index_key(&self, _meta: &Meta) -> Option<IndexKey> {
        let patient_id = self.patient_id.as_ref()?;
        Some(keys::appointment_of_patient(patient_id, self.start, &self.id))
    }
}

/// The pointer from the id of a moved appointment to the date and start of its current key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppointmentPointer {
    /// The appointment.
    pub appointment_id: AppointmentId,
    /// The date in its key.
    pub date: Date,
    /// The start in its key.
    pub start: Timestamp,
}

impl AppointmentPointer {
    /// Returns the pointer to an appointment's current key.
    pub(super) fn to(appointment: &Appointment) -> Self {
        let Appointment { id, date, start, .. } = appointment;
        Self { appointment_id: id.clone(), date: *date, start: *start }
    }
}

impl Record for AppointmentPointer {
    const TYPE: &'static str = "moved_appointment";

    fn key(&self) -> Key {
        keys::moved_appointment(&self.appointment_id)
    }
}

/// Returns the write of the pointer to an appointment's current key. The pointer has the
/// appointment's revision: two reads of it show whether the appointment was moved in between, even
/// if it was moved away and back.
pub(super) fn pointer_to(
    appointment: &Entity<Appointment>,
    context: &WriteContext,
) -> Result<Write, StoreError> {
    let mut pointer = Entity::new(AppointmentPointer::to(&appointment.value), context);
    pointer.meta.rev = appointment.meta.rev;
    let condition = absent_or_of(&appointment.value.id);
    Ok(Write::Put { item: pointer.to_item()?, condition })
}

/// Returns the write that removes a deleted appointment's pointer, if it has one.
pub(super) fn pointer_removal(id: &AppointmentId) -> Write {
    Write::Delete { key: keys::moved_appointment(id), condition: absent_or_of(id) }
}

/// Returns the condition that an item is absent or belongs to this appointment.
pub(super) fn absent_or_of(id: &AppointmentId) -> Condition {
    Condition::Any(vec![Condition::Absent, Condition::Equals("appointment_id", string(id))])
}

/// Returns an appointment of the organisation's clinic: one GetItem, or three if its start has
/// changed.
pub async fn get(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    id: &AppointmentId,
    consistent: bool,
) -> Result<Entity<Appointment>, StoreError> {
    locate(store, org, clinic, id, consistent).await?.ok_or(StoreError::NotFound)
}

/// Finds an appointment under the key derived from its id, or under the key in its pointer. Another
/// organisation's appointment takes the same reads as a missing one, so the response time does not
/// reveal it.
pub(super) async fn locate(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    id: &AppointmentId,
    consistent: bool,
) -> Result<Option<Entity<Appointment>>, StoreError> {
    let mut key = keys::first_of_appointment(clinic, id);
    let mut consistent = consistent;
    let mut followed = None;
    loop {
        let found = store.get::<Appointment>(&key, consistent).await?;
        if let Some(own) = found.filter(|entity| entity.meta.org == *org) {
            return Ok(Some(own));
        }
        let pointer = store.get::<AppointmentPointer>(&keys::moved_appointment(id), true).await?;
        // It may have been moved between the two reads, even away and back. It is missing only if
        // it is not at the pointer's key and the pointer is the same before and after that read.
        let pointer = pointer.map(|moved| ((moved.value.date, moved.value.start), moved.meta.rev));
        let Some((leads_to, _)) = pointer.filter(|_| pointer != followed) else {
            return Ok(None);
        };
        key = keys::appointment(clinic, leads_to, id);
        followed = pointer;
        consistent = true;
    }
}
