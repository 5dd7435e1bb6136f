//! The audit log in the table. Its items are added and never changed; TTL deletes them.

use jiff::Timestamp;

use super::model::AuditEvent;
use crate::{
    id::OrgId,
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

/// Lists the changes in a range of keys, the latest first.
pub async fn list(
    store: &Store,
    org: &OrgId,
    range: KeyRange,
    page: PageRequest,
) -> Result<Listed<Entity<AuditEvent>>, StoreError> {
    store.list_of_org(org, List::of(range, page).descending(true)).await
}

/// Lists the changes of a record, or of a clinic and everything that belongs to it, between two
/// instants.
///
/// If no change in the page `fits`, the caller may not know whether the record belongs to the
/// organisation. Then `found` must find the record, or the audit log must hold a change of it that
/// `fits`. Otherwise the result is [`StoreError::NotFound`].
pub async fn list_of_record<T>(
    store: &Store,
    org: &OrgId,
    keys: impl Fn(Timestamp, Timestamp) -> KeyRange,
    (from, to): (Timestamp, Timestamp),
    page: PageRequest,
    fits: impl Fn(&AuditEvent) -> bool,
    found: impl Future<Output = Result<T, StoreError>>,
) -> Result<Listed<Entity<AuditEvent>>, StoreError> {
    let any_fits =
        |listed: &Listed<Entity<AuditEvent>>| listed.items.iter().any(|event| fits(&event.value));
    let listed = list(store, org, keys(from, to), page).await?;
    if any_fits(&listed) {
        return Ok(listed);
    }
    match found.await {
        Err(StoreError::NotFound) => {}
        found => return found.map(|_| listed),
    }
    let latest = PageRequest { after: None, limit: 1, consistent: false };
    let latest = list(store, org, keys(FIRST, LAST), latest).await?;
    if any_fits(&latest) { Ok(listed) } else { Err(StoreError::NotFound) }
}
