//! Writes access log entries: one per caller, patient, operation and hour. The key is derived from
//! these values, so a repetition changes nothing.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use futures_util::future::join_all;
use tokio::sync::{Mutex, MutexGuard};

use super::{SUBJECT, change_record::ChangeRecord};
use crate::{
    audit::{
        known::Known,
        model::{AccessRequest, Caller},
    },
    id::{OrgId, PatientId},
    records::deferred::model::DeferredAccesses,
    store::{Entity, Item, Store, StoreError, WriteContext, codec::is_of_type, keys},
    time::Retention,
};

/// The maximum number of concurrent writes for one request.
const CONCURRENCY: usize = 16;
/// The number of locks. Callers are assigned to locks by their hash, so few callers share one.
const TURNS: usize = 1024;

/// Returns the access request in a stream record, if it holds one.
pub(super) fn shown_by(record: &ChangeRecord) -> Option<&Item> {
    record.new.as_ref().filter(|item| is_of_type::<AccessRequest>(item))
}

/// Returns the write context for the accesses of a deferred request.
pub(super) fn context(DeferredAccesses { org, request, at }: &DeferredAccesses) -> WriteContext {
    WriteContext::internal(org.clone(), SUBJECT, request.clone(), *at)
}

/// Writes accesses. Clones share the cache of known accesses.
#[derive(Debug, Clone)]
pub(crate) struct Accesses(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: Store,
    retention: Retention,
    known: Known,
    /// Serialises the writes of one caller, so that a repeated access is found in the cache.
    turns: [Mutex<()>; TURNS],
}

impl Accesses {
    /// Creates a writer that keeps accesses for the retention period.
    pub(crate) fn new(store: Store, retention: Retention) -> Self {
        let (known, turns) = (Known::default(), std::array::from_fn(|_| Mutex::default()));
        Self(Arc::new(Shared { store, retention, known, turns }))
    }

    /// Writes the accesses of an access request. Returns whether any was new.
    pub(crate) async fn add(&self, shown: &Item) -> Result<bool, StoreError> {
        self.0.write(Entity::from_item(shown.clone())?).await
    }

    /// Writes the accesses of a request of the organisation. Returns [`StoreError::NotFound`] if
    /// the access request no longer exists.
    pub(super) async fn add_of_request(
        &self,
        org: &OrgId,
        request: &str,
    ) -> Result<bool, StoreError> {
        let shown = self.0.store.get_of_org(org, &keys::access_request(request), true).await?;
        self.0.write(shown).await
    }
}

impl Shared {
    async fn write(&self, shown: Entity<AccessRequest>) -> Result<bool, StoreError> {
        let Entity { meta, value: request } = shown;
        let caller = request.caller();
        let _turn = self.turn(caller).await;
        let new = self.known.unknown(caller, &request.patient_ids);
        let context = WriteContext::internal(meta.org, SUBJECT, meta.request_id, request.at);
        for patients in new.chunks(CONCURRENCY) {
            let adding = patients.iter().map(|patient| self.add(&context, &request, patient));
            let adding: Vec<_> = adding.collect();
            join_all(adding).await.into_iter().collect::<Result<(), _>>()?;
            self.known.add(caller, patients);
        }
        Ok(!new.is_empty())
    }

    async fn turn(&self, caller: Caller<'_>) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        caller.hash(&mut hasher);
        let turn = hasher.finish() % TURNS as u64;
        self.turns[usize::try_from(turn).unwrap_or_default()].lock().await
    }

    async fn add(
        &self,
        context: &WriteContext,
        request: &AccessRequest,
        patient: &PatientId,
    ) -> Result<(), StoreError> {
        let expires_at = self.retention.expiry(request.at);
        self.store.add_expiring(context, request.access(patient), expires_at).await
    }
}
