//! Access requests (which patients' data a request returned) and the accesses that the worker
//! derives from them. Both are added and never changed; TTL deletes them.

use jiff::SignedDuration;

use super::model::{Access, AccessRequest, Caller};
use crate::{
    id::{OrgId, PatientId},
    store::{
        Entity, Key, Record, Store, StoreError, WriteContext, keys,
        read::{List, Listed, PageRequest},
    },
};

/// The retention of access requests. It is long enough to derive accesses from them after the
/// stream was lost.
const REQUEST_TTL: SignedDuration = SignedDuration::from_hours(30 * 24);

impl Record for Access {
    const TYPE: &'static str = "access";

    fn key(&self) -> Key {
        let Caller { subject, operation, hour } =
            Caller::new(&self.subject, &self.operation, self.at);
        keys::access(&self.patient_id, hour, operation, subject)
    }
}

impl Record for AccessRequest {
    const TYPE: &'static str = "access_request";

    fn key(&self) -> Key {
        keys::access_request(&self.request)
    }
}

/// Stores an access request of the organisation.
pub async fn add_request(
    store: &Store,
    org: &OrgId,
    request: &AccessRequest,
) -> Result<(), StoreError> {
    let (id, at) = (request.request.clone(), request.at);
    let context = WriteContext::internal(org.clone(), &request.subject, id, at);
    let expires_at = at.saturating_add(REQUEST_TTL).unwrap_or(at);
    store.add_expiring(&context, request.clone(), expires_at).await
}

/// Lists the accesses to a patient's data, the latest hour first.
pub async fn list(
    store: &Store,
    org: &OrgId,
    patient: &PatientId,
    page: PageRequest,
) -> Result<Listed<Entity<Access>>, StoreError> {
    let list = List::of(keys::accesses_of_patient(patient), page).descending(true);
    store.list_under(org, &keys::patient(patient), list).await
}

/// Lists the accesses to a patient's data, the earliest hour first. The page is empty if the
/// organisation has no such patient.
pub async fn page(
    store: &Store,
    org: &OrgId,
    patient: &PatientId,
    page: PageRequest,
) -> Result<Listed<Entity<Access>>, StoreError> {
    store.list_of_org(org, List::of(keys::accesses_of_patient(patient), page)).await
}
