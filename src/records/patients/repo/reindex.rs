//! Writes a patient's search items and markers again: with the first search key, and with the terms
//! of this release.

use jiff::Timestamp;

use super::{Index, Patient};
use crate::{
    id::random_token,
    records::patients::model::search::PatientSearch,
    store::{Entity, Item, Meta, Record as _, Store, StoreError, WriteContext, write::Write},
};

const SUBJECT: &str = "system:backfill";

/// Rewrites the search items of patients.
#[derive(Clone)]
pub struct Reindex {
    /// The search keys and phonetic algorithms.
    pub search: PatientSearch,
    /// The current time.
    pub now: Timestamp,
    /// Whether to rewrite patients whose key is unknown, too, because it is lost. Otherwise they are
    /// errors: with the wrong keys, the service would no longer find them.
    pub lost_keys: bool,
    /// Whether to change nothing.
    pub dry_run: bool,
}

impl Reindex {
    /// Rewrites the index of a patient if this release would write another one. Returns whether it
    /// did, or would. The revision stays, because callers see no change. A deletion in progress
    /// starts again, because its mark is removed: it has read the search items to delete before.
    pub async fn run(&self, store: &Store, item: &Item) -> Result<bool, StoreError> {
        let mut backoff = store.backoff();
        let mut current = Entity::<Patient>::from_item(item.clone())?;
        loop {
            let Some(writes) = self.writes(&current)? else { return Ok(false) };
            if self.dry_run {
                return Ok(true);
            }
            let org = current.meta.org.clone();
            let context = WriteContext::internal(org, SUBJECT, random_token(), self.now);
            match store.commit(&context, writes).await {
                Ok(_) => return Ok(true),
                Err(StoreError::ConditionFailed(failed)) if failed.at(0).is_some() => {
                    if !backoff.pause().await {
                        return Err(StoreError::Contention);
                    }
                }
                Err(other) => return Err(other),
            }
            match store.get::<Patient>(&current.value.key(), true).await? {
                Some(now) => current = now,
                None => return Ok(false),
            }
        }
    }

    /// Returns the writes that rewrite a patient's index, or `None` if it is up to date.
    fn writes(&self, current: &Entity<Patient>) -> Result<Option<Vec<Write>>, StoreError> {
        let refused = |why: &'static str| Err(StoreError::corrupt(Patient::TYPE, why));
        let (org, patient) = (&current.meta.org, &current.value);
        let index = Index::new(&self.search, org, &Patient { search: None, ..patient.clone() })?;
        let indexed = patient.search.as_ref();
        if indexed == Some(index.indexed()) {
            return Ok(None);
        }
        if !self.lost_keys && indexed.is_some_and(|it| !self.search.keys.knows(&it.key)) {
            return refused(
                "its search key is none of --search-keys; add it, or --lost-search-keys",
            );
        }
        if current.meta.is_deletion_decided() {
            return refused("its deletion is not complete; repeat the DELETE");
        }
        let mut writes = vec![relisted(current, &index)?];
        writes.extend(index.writes(Some(patient))?);
        Ok(Some(writes))
    }
}

/// Returns the write that lets a patient's item list an index. It removes the mark of a deletion in
/// progress.
fn relisted(current: &Entity<Patient>, index: &Index) -> Result<Write, StoreError> {
    let value = Patient { search: Some(index.indexed().clone()), ..current.value.clone() };
    let meta = Meta { deleting: None, ..current.meta.clone() };
    Entity { meta, value }.replace(current)
}
