//! The audit log in the table. Its items are added, never changed and never deleted.

use jiff::Timestamp;

use super::model::AuditEvent;
use crate::{
    id::{ClinicId, OrgId, RecordId},
    store::{
        Entity, Key, Meta, Record, Store, StoreError,
        keys::{self, IndexKey, KeyRange},
        read::{List, Listed, PageRequest},
    },
};

/// The first instant that a key can have.
pub const FIRST: Timestamp = Timestamp::UNIX_EPOCH;
/// The last instant that a key can have.
pub const LAST: Timestamp = Timestamp::constant(253_402_207_200, 999_000_000);

impl Record for AuditEvent {
    const TYPE: &'static str = "audit_event";

    fn key(&self) -> Key {
        keys::change(&self.record_id, self.recorded, &self.event_id)
    }

    fn index_key(&self, _meta: &Meta) -> Option<IndexKey> {
        let clinic = self.clinic_id.as_ref()?;
        Some(keys::change_at_clinic(clinic, self.recorded, &self.event_id))
    }
}

/// The changes of a record, the latest first. The caller checks that the record is, or was, the organisation's.
///
/// # Errors
/// Any error of the database.
pub async fn list_of_record(
    store: &Store,
    org: &OrgId,
    record: &RecordId,
    (from, to): (Timestamp, Timestamp),
    page: PageRequest,
) -> Result<Listed<Entity<AuditEvent>>, StoreError> {
    list(store, org, keys::changes_of_record(record, from, to), page).await
}

/// The changes of a clinic and of all that is its, the latest first; they come from the index, which lags.
///
/// # Errors
/// [`StoreError::NotFound`] if there is no such clinic in the organisation, and never was, and any error of the database.
pub async fn list_at_clinic(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    (from, to): (Timestamp, Timestamp),
    page: PageRequest,
) -> Result<Listed<Entity<AuditEvent>>, StoreError> {
    let listed = list(store, org, keys::changes_at_clinic(clinic, from, to), page).await?;
    if listed.items.is_empty() {
        let found = store.require(org, &keys::clinic(clinic)).await;
        or_remembered(store, org, keys::changes_at_clinic(clinic, FIRST, LAST), |_| true, found)
            .await?;
    }
    Ok(listed)
}

/// Checks that a record is, or was, the organisation's: it was `found`, or the audit log has a change of it that `fits`.
///
/// # Errors
/// As `found`, and any error of the database.
pub async fn or_remembered_record<T>(
    store: &Store,
    org: &OrgId,
    record: &RecordId,
    fits: impl Fn(&AuditEvent) -> bool,
    found: Result<T, StoreError>,
) -> Result<(), StoreError> {
    or_remembered(store, org, keys::changes_of_record(record, FIRST, LAST), fits, found).await
}

async fn or_remembered<T>(
    store: &Store,
    org: &OrgId,
    range: KeyRange,
    fits: impl Fn(&AuditEvent) -> bool,
    found: Result<T, StoreError>,
) -> Result<(), StoreError> {
    let Err(StoreError::NotFound) = found else {
        return found.map(|_| ());
    };
    let page = PageRequest { after: None, limit: 1, consistent: false };
    let latest = list(store, org, range, page).await?.items;
    if latest.iter().any(|event| fits(&event.value)) { Ok(()) } else { Err(StoreError::NotFound) }
}

async fn list(
    store: &Store,
    org: &OrgId,
    range: KeyRange,
    page: PageRequest,
) -> Result<Listed<Entity<AuditEvent>>, StoreError> {
    store.list_of_org(org, List::of(range, page).descending(true)).await
}
