//! Lists of appointments, of a clinic or of a patient.

use super::links::linked;
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

/// Lists a clinic's appointments by start, optionally of one staff member or in one status only.
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

/// Lists a patient's appointments at all clinics by start: from the index, which lags, or through
/// the links if the page must be consistent.
pub async fn list_of_patient(
    store: &Store,
    org: &OrgId,
    patient: &PatientId,
    dates: Dates,
    descending: bool,
    page: PageRequest,
) -> Result<Listed<Entity<Appointment>>, StoreError> {
    let mut listed = if page.consistent {
        let list = List::of(keys::links_of_patient(patient, dates), page).descending(descending);
        linked(store, org, list).await?
    } else {
        let range = keys::appointments_of_patient(patient, dates);
        store.list_of_org(org, List::of(range, page).descending(descending)).await?
    };
    if listed.items.is_empty() {
        store.require(org, &keys::patient(patient)).await?;
    }
    listed.items.retain(|found| dates.hold(found.value.date));
    Ok(listed)
}

/// Returns a page of all appointments of a patient, read consistently. It is empty if there is no
/// such patient.
pub async fn page_of_patient(
    store: &Store,
    org: &OrgId,
    patient: &PatientId,
    page: PageRequest,
) -> Result<Listed<Entity<Appointment>>, StoreError> {
    linked(store, org, List::of(keys::links_of_patient(patient, Dates::All), page)).await
}
