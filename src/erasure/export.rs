//! The export of all data held on one patient, in pages.

use serde::{Deserialize, Serialize};

use crate::{
    appointments::{self, model::Appointment},
    audit::{self, model::Access},
    id::{OrgId, PatientId},
    records::patients::{self, model::Patient},
    store::{
        Entity, Store, StoreError,
        read::{Listed, PageRequest, Position},
    },
};

/// A page of all data held on one patient.
#[derive(Debug)]
pub struct Export {
    /// The patient, on each page. `None` if the patient was deleted.
    pub patient: Option<Entity<Patient>>,
    /// The appointments, by start.
    pub appointments: Vec<Entity<Appointment>>,
    /// The access log by hour, latest last.
    pub accesses: Vec<Entity<Access>>,
    /// The position of the next page, if there may be one.
    pub next: Option<ExportPosition>,
}

/// The position at which an export continues: first in the appointments, then in the access log.
#[derive(Debug, Serialize, Deserialize)]
pub enum ExportPosition {
    /// After this appointment.
    Appointments(Position),
    /// After this access, or at the first.
    Accesses(Option<Position>),
}

/// The maximum number of appointments of a page: the limit of one BatchGetItem.
const MOST_APPOINTMENTS: u16 = 100;

/// Returns a page of at most `limit` appointments and accesses, with at most 100 appointments.
/// Costs one GetItem, at most two Queries and one BatchGetItem, all of them consistent.
/// [`StoreError::NotFound`] if neither the patient nor an appointment of theirs exists.
pub async fn export(
    store: &Store,
    org: &OrgId,
    id: &PatientId,
    position: Option<ExportPosition>,
    limit: u16,
) -> Result<Export, StoreError> {
    let patient = patients::repo::find(store, org, id).await?;
    let first_page = position.is_none();
    let read = |after| {
        let limit = limit.min(MOST_APPOINTMENTS);
        let page = PageRequest { after, limit, consistent: true };
        appointments::repo::page_of_patient(store, org, id, page)
    };
    let (appointments, after) = match position {
        None => (read(None).await?, None),
        Some(ExportPosition::Appointments(after)) => (read(Some(after)).await?, None),
        Some(ExportPosition::Accesses(after)) => (Listed { items: Vec::new(), next: None }, after),
    };
    if first_page && patient.is_none() && appointments.items.is_empty() {
        return Err(StoreError::NotFound);
    }
    let left = limit.saturating_sub(u16::try_from(appointments.items.len()).unwrap_or(limit));
    let (accesses, next) = match appointments.next {
        Some(next) => (Vec::new(), Some(ExportPosition::Appointments(next))),
        None if left == 0 => (Vec::new(), Some(ExportPosition::Accesses(after))),
        None => {
            let page = PageRequest { after, limit: left, consistent: true };
            let listed = audit::repo::page(store, org, id, page).await?;
            (listed.items, listed.next.map(|next| ExportPosition::Accesses(Some(next))))
        }
    };
    Ok(Export { patient, appointments: appointments.items, accesses, next })
}
