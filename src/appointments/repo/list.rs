//! Lists of appointments, of a clinic or of a patient.

use crate::{
    appointments::model::{Appointment, Status},
    id::{ClinicId, OrgId, PatientId, StaffId},
    store::{
        Entity, Store, StoreError,
        attributes::string,
        expression::Condition,
        keys::{self, Dates},
        read::{List, Listed, PageRequest},
    },
};

/// A clinic's appointments, by date; if they are named, those of one staff member or in one status alone.
pub async fn list_of_clinic(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    dates: Dates,
    (staff, status): (Option<&StaffId>, Option<Status>),
    descending: bool,
    page: PageRequest,
) -> Result<Listed<Entity<Appointment>>, StoreError> {
    let range = keys::appointments_of_clinic(clinic, dates);
    let staff = staff.map(|staff| Condition::Equals("staff_id", string(staff)));
    let status = status.map(|status| Condition::Equals("status", string(status)));
    let filter = staff.into_iter().chain(status).collect();
    let list = List::of(range, page).filter(filter).descending(descending);
    store.list_under(org, &keys::clinic(clinic), list).await
}

/// A patient's appointments at all clinics, by date; they come from the index, which lags.
pub async fn list_of_patient(
    store: &Store,
    org: &OrgId,
    patient: &PatientId,
    dates: Dates,
    descending: bool,
    page: PageRequest,
) -> Result<Listed<Entity<Appointment>>, StoreError> {
    let list = List::of(keys::appointments_of_patient(patient, dates), page).descending(descending);
    store.list_under(org, &keys::patient(patient), list).await
}

/// The same, all of them, and an empty page if there is no such patient.
pub async fn page_of_patient(
    store: &Store,
    org: &OrgId,
    patient: &PatientId,
    page: PageRequest,
) -> Result<Listed<Entity<Appointment>>, StoreError> {
    store.list_of_org(org, List::of(keys::appointments_of_patient(patient, Dates::All), page)).await
}
