//! Accesses in the table. They are added and never changed; TTL deletes them.

use super::model::Access;
use crate::{
    id::{OrgId, PatientId},
    store::{
        Entity, Key, Record, Store, StoreError, keys,
        read::{List, Listed, PageRequest},
    },
};

impl Record for Access {
    const TYPE: &'static str = "access";

    fn key(&self) -> Key {
        keys::access(&self.patient_id, self.minute(), &self.operation, &self.subject)
    }
}

/// The accesses to what is known of a patient of the organisation, the latest first.
pub async fn list(
    store: &Store,
    org: &OrgId,
    patient: &PatientId,
    page: PageRequest,
) -> Result<Listed<Entity<Access>>, StoreError> {
    let list = List::of(keys::accesses_of_patient(patient), page).descending(true);
    store.list_under(org, &keys::patient(patient), list).await
}

/// A page of the same, the earliest first; an empty one if there is no such patient in the organisation.
pub async fn page(
    store: &Store,
    org: &OrgId,
    patient: &PatientId,
    page: PageRequest,
) -> Result<Listed<Entity<Access>>, StoreError> {
    store.list_of_org(org, List::of(keys::accesses_of_patient(patient), page)).await
}
