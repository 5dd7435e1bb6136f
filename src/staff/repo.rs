//! Staff members in the table.

use super::model::StaffMember;
use crate::{
    clinics,
    id::{ClinicId, OrgId, StaffId},
    schedule,
    store::{
        Entity, Key, Kind, Record, Store, StoreError, WriteContext, keys,
        read::{List, Listed, PageRequest},
    },
};

/// The types of items that are stored here.
pub const KINDS: &[Kind] = &[Kind::of::<StaffMember>()];

impl Record for StaffMember {
    const TYPE: &'static str = "staff";

    fn key(&self) -> Key {
        keys::staff(&self.clinic_id, &self.id)
    }
}

/// Why a staff member can't be deleted: appointments that are not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Booked;

/// Stores a new staff member of a clinic that stays, or returns what the same `Idempotency-Key` stored before.
///
/// # Errors
/// [`StoreError::NotFound`] if there is no such clinic in the organisation or it is about to be deleted, and as
/// [`Store::commit`].
pub async fn create(
    store: &Store,
    context: &WriteContext,
    staff: StaffMember,
) -> Result<Entity<StaffMember>, StoreError> {
    let clinic = staff.clinic_id.clone();
    clinics::repo::create_under(store, context, &clinic, Entity::new(staff, context)).await
}

/// A staff member of a clinic of the organisation.
///
/// # Errors
/// [`StoreError::NotFound`], also for another organisation's, and whatever the database may answer.
pub async fn get(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    id: &StaffId,
    consistent: bool,
) -> Result<Entity<StaffMember>, StoreError> {
    store.get_of_org(org, &keys::staff(clinic, id), consistent).await
}

/// Lets `modify` make another staff member of one, and stores that.
///
/// # Errors
/// As [`Store::modify`].
pub async fn update<E: From<StoreError>>(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &StaffId,
    modify: impl Fn(&StaffMember) -> Result<StaffMember, E>,
) -> Result<Entity<StaffMember>, E> {
    let read = || get(store, &context.org, clinic, id, true);
    store.modify(context, read, modify, |_, _| Ok(vec![])).await
}

/// Deletes a staff member who has no appointments to come, also in a race with a booking.
///
/// # Errors
/// As [`Store::guarded_delete`].
pub async fn delete(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &StaffId,
) -> Result<Option<Booked>, StoreError> {
    let look = async || {
        let booked = schedule::repo::staff_member_is_booked(store, clinic, id, context.now).await?;
        Ok(booked.then_some(Booked))
    };
    store.guarded_delete(context, &keys::staff(clinic, id), look, |_| Ok(vec![])).await
}

/// A clinic's staff, by id.
///
/// # Errors
/// [`StoreError::NotFound`] if there is no such clinic in the organisation, and whatever the database may answer.
pub async fn list(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    page: PageRequest,
) -> Result<Listed<Entity<StaffMember>>, StoreError> {
    let list = List::of(keys::staff_of_clinic(clinic), page);
    clinics::repo::list_under(store, org, clinic, list).await
}
