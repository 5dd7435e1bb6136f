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

/// A page of all data held on one patient, and on those that were merged into this one.
#[derive(Debug)]
pub struct Export {
    /// The patient, on each page. `None` if the patient was deleted.
    pub patient: Option<Entity<Patient>>,
    /// The patients that were merged into this one, on each page, except deleted ones.
    pub merged: Vec<Entity<Patient>>,
    /// The appointments of one of the patients, by start.
    pub appointments: Vec<Entity<Appointment>>,
    /// The access log of one of the patients by hour, latest last.
    pub accesses: Vec<Entity<Access>>,
    /// The position of the next page, if there may be one.
    pub next: Option<ExportPosition>,
}

/// The position at which an export continues.
#[derive(Debug, Serialize, Deserialize)]
pub struct ExportPosition {
    /// A patient that was merged into this one, or the patient itself, which comes last.
    of: PatientId,
    part: Part,
}

/// The position in the data of one patient: first in the appointments, then in the access log.
#[derive(Debug, Serialize, Deserialize)]
enum Part {
    /// After this appointment, or at the first.
    Appointments(Option<Position>),
    /// After this access, or at the first.
    Accesses(Option<Position>),
}

/// The maximum number of appointments of a page: the limit of one BatchGetItem.
const MOST_APPOINTMENTS: u16 = 100;

/// Returns a page of at most `limit` appointments and accesses, with at most 100 appointments. A
/// page has those of one patient only. Costs one GetItem, one Query of merges, at most two Queries
/// and one BatchGetItem, all of them consistent. Each merged patient costs one Query, and all of them
/// one BatchGetItem. [`StoreError::NotFound`] if neither the patient, nor an appointment of theirs,
/// nor a merge into them exists.
pub async fn export(
    store: &Store,
    org: &OrgId,
    id: &PatientId,
    position: Option<ExportPosition>,
    limit: u16,
) -> Result<Export, StoreError> {
    let patient = patients::repo::find(store, org, id).await?;
    let all_merged = patients::repo::all_merged_into(store, org, id).await?;
    let merged = patients::repo::find_all(store, org, &all_merged).await?;
    // Each patient before the one that they were merged into, because appointments move that way.
    let order: Vec<_> = all_merged.iter().rev().chain([id]).collect();
    let first_page = position.is_none();
    let first_of =
        |of: &PatientId| ExportPosition { of: of.clone(), part: Part::Appointments(None) };
    let ExportPosition { of, part } = position.unwrap_or_else(|| first_of(order[0]));
    let (appointments, after) = match part {
        Part::Appointments(after) => {
            let page = PageRequest { after, limit: limit.min(MOST_APPOINTMENTS), consistent: true };
            (appointments::repo::page_of_patient(store, org, &of, page).await?, None)
        }
        Part::Accesses(after) => (Listed { items: Vec::new(), next: None }, after),
    };
    let nothing = patient.is_none() && all_merged.is_empty() && appointments.items.is_empty();
    if first_page && nothing {
        return Err(StoreError::NotFound);
    }
    let left = limit.saturating_sub(u16::try_from(appointments.items.len()).unwrap_or(limit));
    let (accesses, next) = match appointments.next {
        Some(next) => (Vec::new(), Some(Part::Appointments(Some(next)))),
        None if left == 0 => (Vec::new(), Some(Part::Accesses(after))),
        None => {
            let page = PageRequest { after, limit: left, consistent: true };
            let listed = audit::repo::page(store, org, &of, page).await?;
            (listed.items, listed.next.map(|next| Part::Accesses(Some(next))))
        }
    };
    let next = next.map(|part| ExportPosition { of: of.clone(), part });
    let following = || {
        let mut rest = order.iter().skip_while(|patient| ***patient != of);
        rest.nth(1).map(|patient| first_of(patient))
    };
    let next = next.or_else(following);
    Ok(Export { patient, merged, appointments: appointments.items, accesses, next })
}
