//! The repair of search items and identifier markers that differ from the patients. It is safe while
//! the service runs: each repair is a transaction on the condition that the patient is unchanged
//! since it was read.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    index::deletion,
    items::patient_of,
    verify::{Finding, Mismatch, Verification, compare, lists},
};
use crate::{
    id::{PatientId, random_token},
    records::patients::model::{Patient, search::PatientSearch},
    store::{
        Entity, Key, Record as _, Store, StoreError, WriteContext,
        expression::Condition,
        keys,
        write::{MAX_ACTIONS, Write},
    },
};

const SUBJECT: &str = "table verify --repair";

/// The result of a repair. Mismatches of the verification that are in neither list no longer
/// existed.
#[derive(Debug, Default)]
pub struct Repair {
    /// The repaired mismatches, by patient.
    pub repaired: Vec<(PatientId, Mismatch)>,
    /// The mismatches that need a decision by a person, or another command.
    pub left: Vec<(PatientId, Mismatch)>,
}

enum Outcome {
    Repaired,
    /// The service has changed the patient in the meantime, and everything agrees.
    Settled,
    Left,
}

/// Makes search items and markers agree with the patients, for every mismatch that a verification
/// found. An identifier of two patients stays as it is, with everything else of these patients but
/// superfluous items. After an error, another run repairs the rest.
pub async fn repair(
    store: &Store,
    found: &Verification,
    now: Timestamp,
) -> Result<Repair, StoreError> {
    let mut repair = Repair::default();
    // Superfluous items come first: a marker of one patient can keep another from its identifier.
    for (id, finding) in &found.findings {
        if let Some(mismatch) = finding.superfluous() {
            let outcome = remove(store, id, &finding.superfluous, now).await?;
            repair.note(&outcome, id, vec![mismatch]);
        }
    }
    for (id, finding) in &found.findings {
        let mismatches = finding.of_patient();
        if !mismatches.is_empty() {
            let outcome = rewrite(store, &found.search, id, finding, now).await?;
            repair.note(&outcome, id, mismatches);
        }
    }
    Ok(repair)
}

impl Repair {
    fn note(&mut self, outcome: &Outcome, id: &PatientId, mismatches: Vec<Mismatch>) {
        let list = match outcome {
            Outcome::Repaired => &mut self.repaired,
            Outcome::Settled => return,
            Outcome::Left => &mut self.left,
        };
        list.extend(mismatches.into_iter().map(|mismatch| (id.clone(), mismatch)));
    }
}

/// Deletes the search items and markers of a patient that the patient's item still does not list.
async fn remove(
    store: &Store,
    id: &PatientId,
    superfluous: &BTreeSet<Key>,
    now: Timestamp,
) -> Result<Outcome, StoreError> {
    let all: Vec<_> = superfluous.iter().cloned().collect();
    let mut outcome = Outcome::Settled;
    for some in all.chunks(MAX_ACTIONS - 1) {
        let mut backoff = store.backoff();
        loop {
            let patient = store.get_item(&keys::patient(id), true).await?;
            let mut writes = Vec::new();
            for (key, item) in store.batch_get(some).await? {
                if patient_of(&item)? == *id && !lists(patient.as_ref(), id, &key)? {
                    writes.push(deletion(&item, key, id));
                }
            }
            if writes.is_empty() {
                break;
            }
            let condition = match patient {
                Some(item) => Entity::<Patient>::from_item(item)?.unchanged()?,
                None => Condition::Absent,
            };
            writes.push(Write::Check { key: keys::patient(id), condition });
            if store.try_commit(&WriteContext::system(SUBJECT, now), writes).await? {
                outcome = Outcome::Repaired;
                break;
            }
            if !backoff.pause().await {
                return Err(StoreError::Contention);
            }
        }
    }
    Ok(outcome)
}

/// Writes all search items and markers of a patient again, if they still differ.
async fn rewrite(
    store: &Store,
    search: &PatientSearch,
    id: &PatientId,
    found: &Finding,
    now: Timestamp,
) -> Result<Outcome, StoreError> {
    let mut backoff = store.backoff();
    loop {
        let Some(current) = store.get::<Patient>(&keys::patient(id), true).await? else {
            return Ok(Outcome::Settled);
        };
        let compared = compare(store, search, &current).await?;
        if compared.finding == Finding::default() {
            return Ok(Outcome::Settled);
        }
        let is_shared = |finding: &Finding| !finding.shared_with.is_empty();
        // A backfill writes other terms, because the settings here may differ from the service's.
        let is_outdated = compared.finding.outdated;
        let is_left = is_shared(found) || is_shared(&compared.finding) || is_outdated;
        let Some(index) = compared.index.as_ref().filter(|_| !is_left) else {
            return Ok(Outcome::Left);
        };
        let condition = current.unchanged()?;
        let mut writes = vec![Write::Check { key: current.value.key(), condition }];
        writes.extend(index.rewrites(current.value.search.as_ref())?);
        let org = current.meta.org.clone();
        let context = WriteContext::internal(org, SUBJECT, random_token(), now);
        match store.commit(&context, writes).await {
            Ok(_) => return Ok(Outcome::Repaired),
            Err(StoreError::ConditionFailed(failed)) if failed.at(0).is_some() => {
                if !backoff.pause().await {
                    return Err(StoreError::Contention);
                }
            }
            // Another patient has got an identifier meanwhile.
            Err(StoreError::ConditionFailed(_)) => return Ok(Outcome::Left),
            Err(other) => return Err(other),
        }
    }
}
