//! Accesses in the table. They are added, never changed, never deleted.

use super::model::Access;
use crate::{
    id::{OrgId, PatientId},
    store::{
        Entity, Key, Record, Store, StoreError, WriteContext, keys,
        read::{List, Listed, PageRequest},
        write::Write,
    },
};

impl Record for Access {
    const TYPE: &'static str = "access";

    fn key(&self) -> Key {
        keys::access(&self.patient_id, self.minute(), &self.operation, &self.subject)
    }
}

/// The write that remembers an access, for a transaction that is one.
///
/// # Errors
/// As [`Entity::create`].
pub fn remember(context: &WriteContext, access: Access) -> Result<Write, StoreError> {
    Entity::new(access, context).create()
}

/// Stores an access, unless the same is there already.
///
/// # Errors
/// Any error of the database.
pub async fn add(store: &Store, context: &WriteContext, access: Access) -> Result<(), StoreError> {
    match store.commit(context, vec![remember(context, access)?]).await {
        Ok(_) | Err(StoreError::ConditionFailed(_)) => Ok(()),
        Err(other) => Err(other),
    }
}

/// The accesses to what is known of a patient, the latest first.
///
/// # Errors
/// [`StoreError::NotFound`] if there is no such patient in the organisation, and any error of the database.
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
///
/// # Errors
/// Any error of the database.
pub async fn page(
    store: &Store,
    org: &OrgId,
    patient: &PatientId,
    page: PageRequest,
) -> Result<Listed<Entity<Access>>, StoreError> {
    store.list_of_org(org, List::of(keys::accesses_of_patient(patient), page)).await
}
