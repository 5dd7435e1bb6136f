//! Appointments in the table: found by id, listed by clinic or patient, booked and changed.

mod book;
mod change;
mod claims;
mod hold;
mod hours;
mod lapsed;
mod patient;
mod place;
mod placing;
mod reschedule;
pub mod verify;

use serde::{Deserialize, Serialize};

pub use book::{Booking, book};
pub use change::{ChangeError, cancel, change_status, delete, update};
pub use claims::{claims_of, entry_of};
pub use hold::{Confirmation, HoldError, confirm_hold, release_hold};
pub use hours::Hours;
use jiff::civil::Date;
pub use patient::{erase_all_of_patient, page_of_patient};
pub use placing::{BookingError, Rules};
pub use reschedule::{Move, MoveError, reschedule};

pub use crate::store::keys::Dates;

use super::model::{Appointment, Status};
use crate::{
    clinics,
    id::{AppointmentId, ClinicId, OrgId, PatientId, StaffId},
    patients,
    store::{
        Entity, Key, Kind, Meta, Record, Store, StoreError,
        attributes::string,
        expression::Condition,
        keys::{self, IndexKey},
        read::{List, Listed, PageRequest},
    },
};

/// The types of items that are stored here.
pub const KINDS: &[Kind] =
    &[Kind::of::<Appointment>(), Kind::of::<Moved>(), Kind::of::<change::Deleted>()];

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

/// Where a moved appointment lives: the date that its key has now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The appointment.
    pub appointment_id: AppointmentId,
    /// The date under which it is stored.
    pub date: Date,
}

impl Record for Moved {
    const TYPE: &'static str = "moved_appointment";

    fn key(&self) -> Key {
        keys::moved_appointment(&self.appointment_id)
    }
}

/// An appointment of a clinic of the organisation: one GetItem, unless it has moved to another date.
///
/// # Errors
/// [`StoreError::NotFound`], also for another organisation's, and whatever the database may answer.
pub async fn get(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    id: &AppointmentId,
    consistent: bool,
) -> Result<Entity<Appointment>, StoreError> {
    locate(store, org, clinic, id, consistent).await?.ok_or(StoreError::NotFound)
}

/// Follows an appointment to where it lives: under the date in its id, or where its pointer says. Another
/// organisation's is looked for as one that is not there, so that its time tells nothing.
async fn locate(
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
        let pointer = store.get::<Moved>(&keys::moved_appointment(id), true).await?;
        // It may have moved on between the two reads, even away and back: it is gone if it is not where a pointer leads that
        // was the same before and after.
        let pointer = pointer.map(|moved| (moved.value.date, moved.meta.rev));
        let Some((leads_to, _)) = pointer.filter(|_| pointer != followed) else {
            return Ok(None);
        };
        date = leads_to;
        followed = pointer;
        consistent = true;
    }
}

/// Which of a clinic's appointments to list.
#[derive(Debug, Clone)]
pub struct ClinicFilter {
    /// On which days, on the clinic's wall.
    pub dates: Dates,
    /// Of this staff member alone.
    pub staff: Option<StaffId>,
    /// In this status alone.
    pub status: Option<Status>,
    /// The latest date first.
    pub backwards: bool,
}

/// A clinic's appointments, by date.
///
/// # Errors
/// [`StoreError::NotFound`] if there is no such clinic in the organisation, and whatever the database may answer.
pub async fn list_of_clinic(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    filter: ClinicFilter,
    page: PageRequest,
) -> Result<Listed<Entity<Appointment>>, StoreError> {
    let range = keys::appointments_of_clinic(clinic, filter.dates);
    let staff = filter.staff.map(|staff| Condition::Equals("staff_id", string(staff)));
    let status = filter.status.map(|status| Condition::Equals("status", string(status)));
    let list = List::of(range, page)
        .filter(staff.into_iter().chain(status).collect())
        .backwards(filter.backwards);
    clinics::repo::list_under(store, org, clinic, list).await
}

/// A patient's appointments at all clinics, by date; they come from the index, which lags.
///
/// # Errors
/// [`StoreError::NotFound`] if there is no such patient in the organisation, and whatever the database may answer.
pub async fn list_of_patient(
    store: &Store,
    org: &OrgId,
    patient: &PatientId,
    dates: Dates,
    backwards: bool,
    page: PageRequest,
) -> Result<Listed<Entity<Appointment>>, StoreError> {
    let list = List::of(keys::appointments_of_patient(patient, dates), page).backwards(backwards);
    let listed = store.list_of_org(org, list).await?;
    if listed.items.is_empty() {
        patients::repo::get(store, org, patient, true).await?;
    }
    Ok(listed)
}
