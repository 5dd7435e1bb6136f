//! The links from a patient to their appointments. They have the same content as the index, but are
//! in the table itself, where they can be read with strong consistency.

use std::collections::HashMap;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use super::find::{absent_or_of, locate};
use crate::{
    appointments::model::Appointment,
    id::{AppointmentId, ClinicId, OrgId, PatientId},
    store::{
        Entity, Key, Record, Store, StoreError, WriteContext,
        keys::{self, Dates},
        read::{List, Listed, PageRequest},
        write::Write,
    },
};

/// The link from a patient to one of their appointments. It is written, moved and removed in the
/// appointment's transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppointmentLink {
    /// The patient.
    pub patient_id: PatientId,
    /// The appointment.
    pub appointment_id: AppointmentId,
    /// The appointment's clinic.
    pub clinic_id: ClinicId,
    /// The date in the appointment's key.
    pub date: Date,
    /// The start in the appointment's key.
    pub start: Timestamp,
}

impl Record for AppointmentLink {
    const TYPE: &'static str = "appointment_link";

    fn key(&self) -> Key {
        keys::appointment_link(&self.patient_id, self.start, &self.appointment_id)
    }
}

impl AppointmentLink {
    /// Returns the link to an appointment. A hold without a patient has none.
    pub fn to(appointment: &Appointment) -> Option<Self> {
        Some(Self {
            patient_id: appointment.patient_id.clone()?,
            appointment_id: appointment.id.clone(),
            clinic_id: appointment.clinic_id.clone(),
            date: appointment.date,
            start: appointment.start,
        })
    }

    /// Returns the key of the appointment.
    pub(super) fn target(&self) -> Key {
        keys::appointment(&self.clinic_id, (self.date, self.start), &self.appointment_id)
    }
}

/// Returns the writes that change the link of the `old` appointment to that of the `new` one. Equal
/// links need no write.
pub(super) fn relink(
    context: &WriteContext,
    old: Option<&Appointment>,
    new: Option<&Appointment>,
) -> Result<Vec<Write>, StoreError> {
    let (old, new) = (old.and_then(AppointmentLink::to), new.and_then(AppointmentLink::to));
    if old == new {
        return Ok(Vec::new());
    }
    let mut writes = Vec::new();
    if let Some(old) = old.filter(|old| new.as_ref().is_none_or(|new| new.key() != old.key())) {
        // It also succeeds if a restored table has no such link.
        let condition = absent_or_of(&old.appointment_id);
        writes.push(Write::Delete { key: old.key(), condition });
    }
    if let Some(new) = new {
        let condition = absent_or_of(&new.appointment_id);
        writes.push(Write::Put { item: Entity::new(new, context).to_item()?, condition });
    }
    Ok(writes)
}

/// Returns a page of a patient's links, by start.
pub(super) async fn links_of_patient(
    store: &Store,
    org: &OrgId,
    patient: &PatientId,
    page: PageRequest,
) -> Result<Listed<Entity<AppointmentLink>>, StoreError> {
    store.list_of_org(org, List::of(keys::links_of_patient(patient, Dates::All), page)).await
}

/// Returns a page of a patient's appointments through their links, by start: one Query and one
/// BatchGetItem, both consistent. An appointment that is moved between the two is returned as it is
/// after the move.
pub(super) async fn linked(
    store: &Store,
    org: &OrgId,
    list: List,
) -> Result<Listed<Entity<Appointment>>, StoreError> {
    let descending = list.descending;
    let links = store.list_of_org::<AppointmentLink>(org, list).await?;
    let links_of_page = links.items.into_iter().map(|link| link.value);
    let links_of_page: Vec<_> = links_of_page.map(|link| (link.target(), link)).collect();
    let targets: Vec<_> = links_of_page.iter().map(|(target, _)| target.clone()).collect();
    let mut found =
        if targets.is_empty() { HashMap::new() } else { store.batch_get(&targets).await? };
    let mut items = Vec::with_capacity(targets.len());
    for (target, link) in links_of_page {
        if let Some(item) = found.remove(&target) {
            items.push(Entity::<Appointment>::from_item(item)?);
        } else {
            let moved = locate(store, org, &link.clinic_id, &link.appointment_id, true);
            items.extend(moved.await?);
        }
    }
    items.sort_by_key(|found| (found.value.start, found.value.id.clone()));
    if descending {
        items.reverse();
    }
    Ok(Listed { items, next: links.next })
}
