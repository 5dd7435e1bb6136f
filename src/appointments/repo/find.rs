//! Finding an appointment by its id.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    appointments::model::Appointment,
    id::{AppointmentId, ClinicId, OrgId},
    store::{
        Entity, Key, Meta, Record, Store, StoreError,
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

/// The pointer from a moved appointment's id to the date and the start that its key has now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppointmentPointer {
    /// The appointment.
    pub appointment_id: AppointmentId,
    /// The date under which it is stored.
    pub date: Date,
    /// The start under which it is stored.
    pub start: Timestamp,
}

impl Record for AppointmentPointer {
    const TYPE: &'static str = "moved_appointment";

    fn key(&self) -> Key {
        keys::moved_appointment(&self.appointment_id)
    }
}

/// The write that removes a deleted appointment's pointer, if it has one.
pub(super) fn pointer_removal(id: &AppointmentId) -> Write {
    Write::Delete { key: keys::moved_appointment(id), condition: absent_or_of(id) }
}

/// That what an appointment has beside it is its own, or not there.
pub(super) fn absent_or_of(id: &AppointmentId) -> Condition {
    Condition::Any(vec![Condition::Absent, Condition::Equals("appointment_id", string(id))])
}

/// An appointment of a clinic of the organisation: one GetItem, unless its start has changed.
pub async fn get(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    id: &AppointmentId,
    consistent: bool,
) -> Result<Entity<Appointment>, StoreError> {
    locate(store, org, clinic, id, consistent).await?.ok_or(StoreError::NotFound)
}

/// Finds an appointment under the key that follows from its id, or where its pointer leads. Another organisation's takes the same reads as
/// a missing one, so that the time of the answer does not tell them apart.
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
        // It may have been moved between the two reads, even away and back: it is gone if it is not where a pointer leads that
        // is the same before and after.
        let pointer = pointer.map(|moved| ((moved.value.date, moved.value.start), moved.meta.rev));
        let Some((leads_to, _)) = pointer.filter(|_| pointer != followed) else {
            return Ok(None);
        };
        key = keys::appointment(clinic, leads_to, id);
        followed = pointer;
        consistent = true;
    }
}
