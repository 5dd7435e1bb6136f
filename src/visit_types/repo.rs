//! Types of visits in the table.

use std::convert::Infallible;

use super::model::VisitType;
use crate::{
    clinics,
    id::{ClinicId, OrgId, VisitTypeId},
    store::{
        Entity, Key, Kind, Record, Store, StoreError, WriteContext, keys,
        read::{List, Listed, PageRequest},
    },
};

/// The types of items that are stored here.
pub const KINDS: &[Kind] = &[Kind::of::<VisitType>()];

impl Record for VisitType {
    const TYPE: &'static str = "visit_type";

    fn key(&self) -> Key {
        keys::visit_type(&self.clinic_id, &self.id)
    }
}

/// Stores a new visit type of a clinic that stays, or returns what the same `Idempotency-Key` stored before.
///
/// # Errors
/// [`StoreError::NotFound`] if there is no such clinic in the organisation or it is about to be deleted, and as
/// [`Store::commit`].
pub async fn create(
    store: &Store,
    context: &WriteContext,
    visit_type: VisitType,
) -> Result<Entity<VisitType>, StoreError> {
    let clinic = visit_type.clinic_id.clone();
    clinics::repo::create_under(store, context, &clinic, Entity::new(visit_type, context)).await
}

/// A visit type of a clinic of the organisation.
///
/// # Errors
/// [`StoreError::NotFound`], also for another organisation's, and whatever the database may answer.
pub async fn get(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    id: &VisitTypeId,
    consistent: bool,
) -> Result<Entity<VisitType>, StoreError> {
    store.get_of_org(org, &keys::visit_type(clinic, id), consistent).await
}

/// Lets `modify` make another visit type of one, and stores that.
///
/// # Errors
/// As [`Store::modify`].
pub async fn update<E: From<StoreError>>(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &VisitTypeId,
    modify: impl Fn(&VisitType) -> Result<VisitType, E>,
) -> Result<Entity<VisitType>, E> {
    let read = || get(store, &context.org, clinic, id, true);
    store.modify(context, read, modify, |_, _| Ok(vec![])).await
}

/// Deletes a visit type; what was booked as one stays as it is.
///
/// # Errors
/// As [`Store::guarded_delete`].
pub async fn delete(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &VisitTypeId,
) -> Result<(), StoreError> {
    // Marked before it goes, so that the stream tells who deleted it.
    let nothing_needs_it = async || Ok(None::<Infallible>);
    let key = keys::visit_type(clinic, id);
    store.guarded_delete(context, &key, nothing_needs_it, |_| Ok(vec![])).await.map(|_| ())
}

/// A clinic's visit types, by id.
///
/// # Errors
/// [`StoreError::NotFound`] if there is no such clinic in the organisation, and whatever the database may answer.
pub async fn list(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    page: PageRequest,
) -> Result<Listed<Entity<VisitType>>, StoreError> {
    let list = List::of(keys::visit_types_of_clinic(clinic), page);
    clinics::repo::list_under(store, org, clinic, list).await
}
