//! Resources in the table.

use super::model::Resource;
use crate::{
    clinics,
    id::{ClinicId, OrgId, ResourceId},
    schedule,
    store::{
        Entity, Key, Kind, Record, Store, StoreError, WriteContext, keys,
        read::{List, Listed, PageRequest},
    },
};

/// The types of items that are stored here.
pub const KINDS: &[Kind] = &[Kind::of::<Resource>()];

impl Record for Resource {
    const TYPE: &'static str = "resource";

    fn key(&self) -> Key {
        keys::resource(&self.clinic_id, &self.id)
    }
}

/// Why a resource can't be deleted: appointments that are not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Booked;

/// Stores a new resource of a clinic that stays, or returns what the same `Idempotency-Key` stored before.
///
/// # Errors
/// [`StoreError::NotFound`] if there is no such clinic in the organisation or it is about to be deleted, and as
/// [`Store::commit`].
pub async fn create(
    store: &Store,
    context: &WriteContext,
    resource: Resource,
) -> Result<Entity<Resource>, StoreError> {
    let clinic = resource.clinic_id.clone();
    clinics::repo::create_under(store, context, &clinic, Entity::new(resource, context)).await
}

/// A resource of a clinic of the organisation.
///
/// # Errors
/// [`StoreError::NotFound`], also for another organisation's, and whatever the database may answer.
pub async fn get(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    id: &ResourceId,
    consistent: bool,
) -> Result<Entity<Resource>, StoreError> {
    store.get_of_org(org, &keys::resource(clinic, id), consistent).await
}

/// Lets `modify` make another resource of one, and stores that.
///
/// # Errors
/// As [`Store::modify`].
pub async fn update<E: From<StoreError>>(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &ResourceId,
    modify: impl Fn(&Resource) -> Result<Resource, E>,
) -> Result<Entity<Resource>, E> {
    let read = || get(store, &context.org, clinic, id, true);
    store.modify(context, read, modify, |_, _| Ok(vec![])).await
}

/// Deletes a resource that has no appointments to come, also in a race with a booking.
///
/// # Errors
/// As [`Store::guarded_delete`].
pub async fn delete(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &ResourceId,
) -> Result<Option<Booked>, StoreError> {
    let look = async || {
        let booked = schedule::repo::resource_is_booked(store, clinic, id, context.now).await?;
        Ok(booked.then_some(Booked))
    };
    store.guarded_delete(context, &keys::resource(clinic, id), look, |_| Ok(vec![])).await
}

/// A clinic's resources, by id.
///
/// # Errors
/// [`StoreError::NotFound`] if there is no such clinic in the organisation, and whatever the database may answer.
pub async fn list(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    page: PageRequest,
) -> Result<Listed<Entity<Resource>>, StoreError> {
    let list = List::of(keys::resources_of_clinic(clinic), page);
    clinics::repo::list_under(store, org, clinic, list).await
}
