//! Clinics in the table.

use std::collections::BTreeSet;

use super::model::{Clinic, ClinicDetails};
use crate::{
    error::{ApiError, ErrorCode},
    id::{ClinicId, OrgId},
    records::{dependents, details::unrestrict_if_empty, of_org::OfOrg, staff::model::StaffMember},
    scheduling::repo::{Bookable, Booked, find_booked},
    store::{
        Entity, Key, Meta, Record, Shapes, Store, StoreError, WriteContext,
        codec::is_of_type,
        keys::{self, IndexKey},
        read::{List, Listed, PageRequest},
    },
};

/// The maximum number of clinics that a list reads by key: the limit of one BatchGetItem.
const MAX_NAMED: usize = 100;

impl Record for Clinic {
    const TYPE: &'static str = "clinic";
    const SHAPES: Shapes = Shapes {
        upcasts: &[|item| {
            unrestrict_if_empty(item, "opening_hours");
            Ok(())
        }],
        downcast: None,
    };

    fn key(&self) -> Key {
        keys::clinic(&self.id)
    }

    fn index_key(&self, meta: &Meta) -> Option<IndexKey> {
        Some(keys::clinic_in_org(&meta.org, meta.created_at, &self.id))
    }
}

/// Stores a new clinic, or returns the one that was stored under the same `Idempotency-Key`.
pub async fn create(
    store: &Store,
    context: &WriteContext,
    details: ClinicDetails,
) -> Result<Entity<Clinic>, StoreError> {
    let clinic = OfOrg { id: ClinicId::random(), details };
    store.create(context, Entity::new(clinic, context), vec![]).await
}

/// Returns a clinic of the organisation.
pub async fn get(
    store: &Store,
    org: &OrgId,
    id: &ClinicId,
    consistent: bool,
) -> Result<Entity<Clinic>, StoreError> {
    store.get_of_org(org, &keys::clinic(id), consistent).await
}

/// Replaces a clinic's details with the result of `change`.
pub async fn update<E: From<StoreError>>(
    store: &Store,
    context: &WriteContext,
    id: &ClinicId,
    change: impl Fn(ClinicDetails) -> Result<ClinicDetails, E>,
) -> Result<Entity<Clinic>, E> {
    let read = || get(store, &context.org, id, true);
    let modify = |current: &Clinic| {
        let details = change(current.details.clone())?;
        Ok::<_, E>((Clinic { id: id.clone(), details }, vec![]))
    };
    store.modify(context, read, modify).await
}

/// Deletes a clinic with its exceptions and day sheets, unless it has staff, resources, visit types
/// or future appointments.
pub async fn delete(
    store: &Store,
    context: &WriteContext,
    id: &ClinicId,
) -> Result<Option<ApiError>, StoreError> {
    let check_blockers = async || {
        if let Some(found) = store.first(keys::setup_beside_clinic(id)).await? {
            let (code, detail) = if is_of_type::<StaffMember>(&found) {
                (ErrorCode::ClinicHasStaff, "The clinic has staff members. Delete them first.")
            } else {
                let detail = "The clinic has resources or visit types. Delete them first.";
                (ErrorCode::ClinicHasResources, detail)
            };
            return Ok(Some(ApiError::new(code, detail)));
        }
        let booked = find_booked(store, Bookable::Clinic(id), context.now).await?;
        let detail = "The clinic has appointments or holds that have not ended. Cancel or delete them first, or wait until they have ended.";
        Ok(booked.map(|Booked| ApiError::new(ErrorCode::HasFutureAppointments, detail)))
    };
    let (key, dependents) = (keys::clinic(id), dependents::of_clinic(id));
    store.guarded_delete(context, &key, &dependents, check_blockers, |_| Ok(vec![])).await
}

/// Lists an organisation's clinics, newest first.
pub async fn list(
    store: &Store,
    org: &OrgId,
    page: PageRequest,
) -> Result<Listed<Entity<Clinic>>, StoreError> {
    let list = List::of(keys::clinics_of_org(org), page).descending(true);
    store.list_of_org(org, list).await
}

/// Lists those of the `named` clinics that belong to the organisation, newest first. Up to 100 are
/// read by key. More are filtered from the organisation's list, so a page may be short or empty.
pub async fn list_named(
    store: &Store,
    org: &OrgId,
    named: &BTreeSet<ClinicId>,
    page: PageRequest,
) -> Result<Listed<Entity<Clinic>>, StoreError> {
    if named.len() <= MAX_NAMED {
        let list = List::of(keys::clinics_of_org(org), page).descending(true);
        let keys: Vec<_> = named.iter().map(keys::clinic).collect();
        return store.list_named(org, list, &keys).await;
    }
    let mut listed = list(store, org, page).await?;
    listed.items.retain(|clinic| named.contains(&clinic.value.id));
    Ok(listed)
}
