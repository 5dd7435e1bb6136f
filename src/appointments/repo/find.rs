//! Finding an appointment by its id.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    appointments::model::Appointment,
    id::{AppointmentId, ClinicId, OrgId},
    store::{
        Entity, Key, Meta, Record, Store, StoreError,
        keys::{self, IndexKey},
    },
};

impl Record for Appointment {
    const TYPE: &'static str = "appointment";

    fn key(&self) -> Key {
        keys::appointment(&self.clinic_id, self.date, &self.id)
    }

    fn index_key(&self, _meta: &Meta) -> Option<IndexKey> {
        let patient_id = self.patient_id.as_ref()?;
        Some(keys::appointment_of_patient(patient_id, self.date, &self.id))
    }
}

/// The pointer from a moved appointment's id to the date that its key has now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppointmentPointer {
    /// The appointment.
    pub appointment_id: AppointmentId,
    /// The date under which it is stored.
    pub date: Date,
}

impl Record for AppointmentPointer {
    const TYPE: &'static str = "moved_appointment";

    fn key(&self) -> Key {
        keys::moved_appointment(&self.appointment_id)
    }
}

/// An appointment of a clinic of the organisation: one GetItem, unless it has moved to another date.
pub async fn get(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    id: &AppointmentId,
    consistent: bool,
) -> Result<Entity<Appointment>, StoreError> {
    locate(store, org, clinic, id, consistent).await?.ok_or(StoreError::NotFound)
}

/// Finds an appointment under the date in its id, or where its pointer leads. Another organisation's takes the same reads as
/// a missing one, so that the time of the answer does not tell them apart.
pub(super) async fn locate(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    id: &AppointmentId,
    consistent: bool,
) -> Result<Option<Entity<Appointment>>, StoreError> {
    let mut date = id.first_date();
    let mut consistent = consistent;
    let mut followed = None;
    loop {
        let key = keys::appointment(clinic, date, id);
        let found = store.get::<Appointment>(&key, consistent).await?;
        if let Some(own) = found.filter(|entity| entity.meta.org == *org) {
            return Ok(Some(own));
        }
        let pointer = store.get::<AppointmentPointer>(&keys::moved_appointment(id), true).await?;
        // It may have been moved between the two reads, even away and back: it is gone if it is not where a pointer leads that
        // is the same before and after.
        let pointer = pointer.map(|moved| (moved.value.date, moved.meta.rev));
        let Some((leads_to, _)) = pointer.filter(|_| pointer != followed) else {
            return Ok(None);
        };
        date = leads_to;
        followed = pointer;
        consistent = true;
    }
}
