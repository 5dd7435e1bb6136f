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

/// The filter of a list of a clinic's appointments.
#[derive(Debug, Clone)]
pub struct ClinicFilter {
    /// The days of the clinic's calendar.
    pub dates: Dates,
    /// The only staff member.
    pub staff: Option<StaffId>,
    /// The only status.
    pub status: Option<Status>,
    /// Whether the latest date comes first.
    pub descending: bool,
}

/// A clinic's appointments, by date.
///
/// # Errors
/// [`StoreError::NotFound`] if there is no such clinic in the organisation, and any error of the database.
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
        .descending(filter.descending);
    store.list_under(org, &keys::clinic(clinic), list).await
}

/// A patient's appointments at all clinics, by date; they come from the index, which lags.
///
/// # Errors
/// [`StoreError::NotFound`] if there is no such patient in the organisation, and any error of the database.
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

/// A page of a patient's appointments, by date; an empty one if there is no such patient in the organisation. They come from the
/// index, which lags.
///
/// # Errors
/// Any error of the database.
pub async fn page_of_patient(
    store: &Store,
    org: &OrgId,
    patient: &PatientId,
    page: PageRequest,
) -> Result<Listed<Entity<Appointment>>, StoreError> {
    store.list_of_org(org, List::of(keys::appointments_of_patient(patient, Dates::All), page)).await
}
