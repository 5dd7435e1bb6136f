//! Clinics in the table.

use super::model::{Clinic, ClinicDetails};
use crate::{
    id::{ClinicId, OrgId},
    records::{blockers::Booked, of_org::OfOrg, staff::model::StaffMember},
    scheduling::repo::{Bookable, find_booked},
    store::{
        Entity, Key, Meta, Record, Store, StoreError, WriteContext,
        codec::is_of_type,
        keys::{self, IndexKey},
        read::{List, Listed, PageRequest},
    },
};

impl Record for Clinic {
    const TYPE: &'static str = "clinic";

    fn key(&self) -> Key {
        keys::clinic(&self.id)
    }

    fn index_key(&self, meta: &Meta) -> Option<IndexKey> {
        Some(keys::clinic_in_org(&meta.org, meta.created_at, &self.id))
    }
}

/// Records that keep a clinic from being deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocker {
    /// Staff members.
    Staff,
    /// Resources or visit types.
    Setup,
    /// Appointments that are not over.
    Appointments,
}

/// Stores a new clinic, or returns the one that the same `Idempotency-Key` stored before.
///
/// # Errors
/// As [`Store::commit`].
pub async fn create(
    store: &Store,
    context: &WriteContext,
    details: ClinicDetails,
) -> Result<Entity<Clinic>, StoreError> {
    let clinic = OfOrg { id: ClinicId::random(), details };
    store.create(context, Entity::new(clinic, context), vec![]).await
}

/// Reads a clinic of the organisation.
///
/// # Errors
/// [`StoreError::NotFound`], also for a record of another organisation, and any error of the database.
pub async fn get(
    store: &Store,
    org: &OrgId,
    id: &ClinicId,
    consistent: bool,
) -> Result<Entity<Clinic>, StoreError> {
    store.get_of_org(org, &keys::clinic(id), consistent).await
}

/// Replaces a clinic's details with what `change` makes of them.
///
/// # Errors
/// As [`Store::modify`].
pub async fn update<E: From<StoreError>>(
    store: &Store,
    context: &WriteContext,
    id: &ClinicId,
    change: impl Fn(ClinicDetails) -> Result<ClinicDetails, E>,
) -> Result<Entity<Clinic>, E> {
    let read = || get(store, &context.org, id, true);
    let modify = |current: &Clinic| {
        Ok::<_, E>(Clinic { id: id.clone(), details: change(current.details.clone())? })
    };
    store.modify(context, read, modify, |_, _| Ok(vec![])).await
}

/// Deletes a clinic that has neither staff nor appointments to come.
///
/// # Errors
/// As [`Store::guarded_delete`].
pub async fn delete(
    store: &Store,
    context: &WriteContext,
    id: &ClinicId,
) -> Result<Option<Blocker>, StoreError> {
    let check_blockers = async || {
        if let Some(found) = store.first(keys::setup_beside_clinic(id)).await? {
            let staff = is_of_type::<StaffMember>(&found);
            return Ok(Some(if staff { Blocker::Staff } else { Blocker::Setup }));
        }
        let booked = find_booked(store, Bookable::Clinic(id), context.now).await?;
        Ok(booked.map(|Booked| Blocker::Appointments))
    };
    store.guarded_delete(context, &keys::clinic(id), check_blockers, |_| Ok(vec![])).await
}

/// Lists an organisation's clinics, the newest first.
///
/// # Errors
/// Any error of the database.
pub async fn list(
    store: &Store,
    org: &OrgId,
    page: PageRequest,
) -> Result<Listed<Entity<Clinic>>, StoreError> {
    let list = List::of(keys::clinics_of_org(org), page).descending(true);
    store.list_of_org(org, list).await
}
