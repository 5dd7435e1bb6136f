//! Clinics in the table.

mod overview;
mod setup;

use std::time::Duration;

use moka::future::Cache;
pub use overview::{ClinicPart, overview};
pub use setup::{Setup, setup};

use super::model::Clinic;
use crate::{
    id::{ClinicId, OrgId},
    schedule,
    staff::model::StaffMember,
    store::{
        Entity, Key, Kind, Meta, Record, Store, StoreError, WriteContext,
        codec::is_of_type,
        guarded_delete::stays,
        keys::{self, IndexKey},
        read::{List, Listed, PageRequest},
        write::Write,
    },
    time::Zone,
};

const REMEMBERED: Duration = Duration::from_hours(1);

/// The types of items that are stored here.
pub const KINDS: &[Kind] = &[Kind::of::<Clinic>()];

impl Record for Clinic {
    const TYPE: &'static str = "clinic";

    fn key(&self) -> Key {
        keys::clinic(&self.id)
    }

    fn index_key(&self, meta: &Meta) -> Option<IndexKey> {
        Some(keys::clinic_in_org(&meta.org, meta.created_at, &self.id))
    }
}

/// Why a clinic can't be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InUse {
    /// It has staff members.
    Staff,
    /// It has resources or visit types.
    Setup,
    /// It has appointments that are not over.
    Appointments,
}

/// Stores a new clinic, or returns what the same `Idempotency-Key` stored before.
///
/// # Errors
/// As [`Store::commit`].
pub async fn create(
    store: &Store,
    context: &WriteContext,
    clinic: Clinic,
) -> Result<Entity<Clinic>, StoreError> {
    let entity = Entity::new(clinic, context);
    store.create(context, entity, vec![]).await
}

/// Stores a new record of a clinic that stays, or returns what the same `Idempotency-Key` stored before.
///
/// # Errors
/// [`StoreError::NotFound`] if there is no such clinic in the organisation or it is about to be deleted, and as
/// [`Store::commit`].
pub async fn create_under<T: Record>(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    entity: Entity<T>,
) -> Result<Entity<T>, StoreError> {
    let clinic_stays = Write::Check { key: keys::clinic(clinic), condition: stays(&context.org) };
    match store.create(context, entity, vec![clinic_stays]).await {
        Err(StoreError::ConditionFailed(failed)) if failed.at(1).is_some() => {
            Err(StoreError::NotFound)
        }
        other => other,
    }
}

/// A page of what a clinic of the organisation has.
///
/// # Errors
/// [`StoreError::NotFound`] if there is no such clinic in the organisation, and whatever the database may answer.
pub async fn list_under<T: Record>(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    list: List,
) -> Result<Listed<Entity<T>>, StoreError> {
    let listed = store.list_of_org(org, list).await?;
    if listed.items.is_empty() {
        // A page with records tells by itself whose they are.
        require(store, org, clinic).await?;
    }
    Ok(listed)
}

/// A clinic of the organisation.
///
/// # Errors
/// [`StoreError::NotFound`], also for another organisation's, and whatever the database may answer.
pub async fn get(
    store: &Store,
    org: &OrgId,
    id: &ClinicId,
    consistent: bool,
) -> Result<Entity<Clinic>, StoreError> {
    store.get_of_org(org, &keys::clinic(id), consistent).await
}

/// Lets `modify` make another clinic of one, and stores that.
///
/// # Errors
/// As [`Store::modify`].
pub async fn update<E: From<StoreError>>(
    store: &Store,
    context: &WriteContext,
    id: &ClinicId,
    modify: impl Fn(&Clinic) -> Result<Clinic, E>,
) -> Result<Entity<Clinic>, E> {
    let read = || get(store, &context.org, id, true);
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
) -> Result<Option<InUse>, StoreError> {
    let look = async || {
        if let Some(found) = store.first(keys::setup_beside_clinic(id)).await? {
            let staff = is_of_type::<StaffMember>(&found);
            return Ok(Some(if staff { InUse::Staff } else { InUse::Setup }));
        }
        let booked = schedule::repo::clinic_is_booked(store, id, context.now).await?;
        Ok(booked.then_some(InUse::Appointments))
    };
    store.guarded_delete(context, &keys::clinic(id), look, |_| Ok(vec![])).await
}

/// An organisation's clinics, the newest first.
///
/// # Errors
/// Whatever the database may answer.
pub async fn list(
    store: &Store,
    org: &OrgId,
    page: PageRequest,
) -> Result<Listed<Entity<Clinic>>, StoreError> {
    let list = List::of(keys::clinics_of_org(org), page).backwards(true);
    store.list_of_org(org, list).await
}

/// Refuses a clinic that is not there, for lists that came back empty: a page with records tells by itself
/// whose they are.
///
/// # Errors
/// As [`get`].
pub async fn require(store: &Store, org: &OrgId, id: &ClinicId) -> Result<(), StoreError> {
    get(store, org, id, true).await.map(|_| ())
}

/// What never changes of a clinic, remembered: its organisation and its time zone.
#[derive(Debug, Clone)]
pub struct ClinicDirectory {
    store: Store,
    known: Cache<ClinicId, (OrgId, Zone)>,
}

impl ClinicDirectory {
    /// A directory that knows nothing yet.
    #[must_use]
    pub fn new(store: Store) -> Self {
        let known = Cache::builder().max_capacity(10_000).time_to_live(REMEMBERED).build();
        Self { store, known }
    }

    /// The time zone of a clinic of the organisation. It may have been deleted since it was remembered; then it
    /// has no staff left to book.
    ///
    /// # Errors
    /// As [`get`].
    pub async fn zone(&self, org: &OrgId, id: &ClinicId) -> Result<Zone, StoreError> {
        // Another organisation's is read as one that is not there, so that its time tells nothing.
        if let Some((owner, zone)) = self.known.get(id).await
            && owner == *org
        {
            return Ok(zone);
        }
        let clinic = get(&self.store, org, id, true).await?;
        let zone = clinic.value.time_zone;
        self.known.insert(id.clone(), (clinic.meta.org, zone.clone())).await;
        Ok(zone)
    }
}
