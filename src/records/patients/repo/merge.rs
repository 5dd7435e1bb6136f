//! The merge of a patient into another one. One transaction marks the merged record as inactive and
//! moves its identifiers. The appointments follow (`appointments/repo/merge.rs`).

use std::collections::HashSet;

use super::{Index, find, find_all, get, merged};
use crate::{
    error::{ApiError, Blocking, ErrorCode},
    id::{OrgId, PatientId},
    records::patients::model::{
        KeptAppointment, Merge, Patient, move_identifiers, search::PatientSearch,
    },
    store::{
        Entity, Item, Key, Record, Store, StoreError, WriteContext,
        attributes::{string, text},
        expression::Condition,
        guarded_delete::stays,
        keys,
        write::Write,
    },
};

const MERGED_INTO: &str = "merged_into";

impl Record for Merge {
    const TYPE: &'static str = "patient_merge";

    fn key(&self) -> Key {
        keys::merge(&self.merged_into, &self.patient_id)
    }
}

/// The condition that a patient exists, is not about to be deleted and was not merged.
pub fn stays_unmerged(org: &OrgId) -> Condition {
    Condition::All(vec![stays(org), Condition::Without(MERGED_INTO)])
}

/// Returns the patient that the item of a patient was merged into.
pub fn survivor_in(patient: &Item) -> Option<&str> {
    text(patient, MERGED_INTO)
}

/// Refuses a merge into a patient that does not exist.
pub fn unknown_survivor() -> ApiError {
    ApiError::field(ErrorCode::UnknownReference, "/into", "is not a patient of the organisation")
}

/// Refuses a merge of a patient that is being deleted, or into such a patient.
pub fn being_deleted(patient: &PatientId) -> ApiError {
    let detail = "The patient in blocking is being deleted, so no merge is possible. Retry after five minutes if the patient is not deleted by then.";
    let blocking = Blocking::new("patient", patient);
    ApiError::new(ErrorCode::PatientInactive, detail).with_blocking(blocking)
}

/// Refuses a merge into an inactive patient, because nobody could book or find the person any more.
fn inactive_survivor(patient: &PatientId) -> ApiError {
    let detail = "The patient in blocking is inactive. Merge into an active patient, or set active to true with a PATCH first.";
    let blocking = Blocking::new("patient", patient);
    ApiError::new(ErrorCode::PatientInactive, detail).with_blocking(blocking)
}

/// Refuses a merge into a patient that was itself merged, in the end into `last`.
fn merged_survivor(id: &PatientId, last: &PatientId) -> ApiError {
    let detail = if id == last {
        "The patient in into was already merged into this patient. A merge cannot be undone or reversed."
    } else {
        "The patient in into was itself merged. Send the patient in merged_into as into."
    };
    ApiError::new(ErrorCode::PatientMerged, detail).with_merged_into(last)
}

/// Merges the record of a patient into another one, unless that was done before. Both are written on
/// the condition that they are unchanged, so of two concurrent merges one is refused, and no patient
/// is ever merged into itself through others. A patient that was merged into a deleted one can be
/// merged again.
pub async fn merge(
    store: &Store,
    search: &PatientSearch,
    context: &WriteContext,
    id: &PatientId,
    into: &PatientId,
) -> Result<(), ApiError> {
    let mut backoff = store.backoff();
    loop {
        let old = get(store, &context.org, id, true).await?;
        // Before the precondition, so that the same request completes an interrupted merge.
        if old.value.merged_into.as_ref() == Some(into) {
            return Ok(());
        }
        context.precondition.check(old.meta.rev)?;
        if let Some(merged_into) = &old.value.merged_into
            && find(store, &context.org, merged_into).await?.is_some()
        {
            return Err(merged(merged_into));
        }
        let survivor = find(store, &context.org, into).await?.ok_or_else(unknown_survivor)?;
        if let Some(merged_into) = &survivor.value.merged_into {
            let last = last_survivor(store, &context.org, merged_into).await?;
            return Err(merged_survivor(id, &last));
        }
        if old.value.active && !survivor.value.active {
            return Err(inactive_survivor(into));
        }
        for patient in [&old, &survivor] {
            if patient.meta.is_being_deleted(context.now) {
                return Err(being_deleted(&patient.value.id));
            }
        }
        let writes = self::writes(search, context, &old, &survivor)?;
        match store.commit(context, writes).await {
            Ok(_) => return Ok(()),
            Err(StoreError::ConditionFailed(_)) if backoff.pause().await => {}
            Err(StoreError::ConditionFailed(_)) => return Err(StoreError::Contention.into()),
            Err(other) => return Err(other.into()),
        }
    }
}

/// Follows merges from a patient to the one that was not merged.
async fn last_survivor(
    store: &Store,
    org: &OrgId,
    id: &PatientId,
) -> Result<PatientId, StoreError> {
    let mut last = id.clone();
    while let Some(found) = find(store, org, &last).await? {
        let Some(next) = found.value.merged_into else { break };
        last = next;
    }
    Ok(last)
}

/// Returns the writes that merge a record into another one. These are the two records, the merge, the
/// search items of both (at most 84) and their identifiers. There are at most 13 identifiers, because
/// one moves only if the other patient has room. With one search key, that is at most 100 writes, the
/// limit of a transaction.
fn writes(
    search: &PatientSearch,
    context: &WriteContext,
    old: &Entity<Patient>,
    survivor: &Entity<Patient>,
) -> Result<Vec<Write>, StoreError> {
    let (mut from, mut to) = (old.value.clone(), survivor.value.clone());
    from.record.details.active = false;
    from.merged_into = Some(to.id.clone());
    if !to.replaces.contains(&from.id) {
        to.replaces.push(from.id.clone());
    }
    move_identifiers(&mut from.record.details, &mut to.record.details);
    let merge = Merge {
        patient_id: from.id.clone(),
        merged_into: to.id.clone(),
        kept_mrn: from.mrn.is_some(),
        kept_identifiers: !from.identifiers.is_empty(),
        kept: Vec::new(),
    };
    let taken = to.details != survivor.value.details;
    let given = reindexed(search, context, &mut from, &old.value, None)?;
    let taken = if taken {
        let giver = Some(&old.value.id);
        reindexed(search, context, &mut to, &survivor.value, giver)?
    } else {
        Vec::new()
    };
    let mut writes = vec![replaced(old, from, context)?, replaced(survivor, to, context)?];
    // A merge may be left of a patient that was deleted and imported again. The conditions on both
    // patients protect it.
    let left = Condition::Equals("type", string(Merge::TYPE));
    let condition = Condition::Any(vec![Condition::Absent, left]);
    writes.push(Write::Put { item: Entity::new(merge, context).to_item()?, condition });
    writes.extend(joined(given, taken));
    Ok(writes)
}

/// Indexes a changed patient, and returns the writes that replace the previous index.
fn reindexed(
    search: &PatientSearch,
    context: &WriteContext,
    changed: &mut Patient,
    previous: &Patient,
    giver: Option<&PatientId>,
) -> Result<Vec<Write>, StoreError> {
    let mut index = Index::new(search, &context.org, changed)?;
    if let Some(giver) = giver {
        index = index.taking_from(giver);
    }
    changed.search = Some(index.indexed().clone());
    index.writes(Some(previous))
}

/// Returns the write that replaces a patient. It also removes the mark of an abandoned deletion.
fn replaced(
    old: &Entity<Patient>,
    value: Patient,
    context: &WriteContext,
) -> Result<Write, StoreError> {
    let mut changed = old.changed(value, context);
    changed.meta.deleting = None;
    changed.replace(old)
}

/// Joins the writes of two indexes, one of which takes identifiers of the other. A transaction has
/// one write for each item: the one that stores a marker of a taken identifier, or else the one that
/// deletes it.
fn joined(mut given: Vec<Write>, mut taken: Vec<Write>) -> Vec<Write> {
    let is_put = |write: &&Write| matches!(write, Write::Put { .. });
    let stored: HashSet<_> = taken.iter().filter(is_put).filter_map(Write::key).collect();
    let is_stored = |write: &Write| write.key().is_some_and(|key| stored.contains(&key));
    given.retain(|write| !is_stored(write));
    let written: HashSet<_> = given.iter().filter_map(Write::key).collect();
    taken.retain(|write| write.key().is_none_or(|key| !written.contains(&key)));
    given.extend(taken);
    given
}

/// Stores which appointments the merged record keeps. The result is the response of the caller's
/// `Idempotency-Key`.
pub async fn finish(
    store: &Store,
    context: &WriteContext,
    id: &PatientId,
    into: &PatientId,
    kept: &[KeptAppointment],
) -> Result<Entity<Merge>, StoreError> {
    let key = keys::merge(into, id);
    let read = || store.get_of_org::<Merge>(&context.org, &key, true);
    let modify = |merge: &Merge| Ok((Merge { kept: kept.to_vec(), ..merge.clone() }, vec![]));
    store.modify(context, read, modify).await
}

/// Returns all patients that were merged into a patient, also through others: one Query for the
/// patient and for each of them, and one BatchGetItem for those merged into one. It also finds those
/// of a deleted patient, and deleted ones. A patient that exists and names another survivor, or none,
/// is not among them: it was merged again, or imported again after a deletion.
pub async fn all_merged_into(
    store: &Store,
    org: &OrgId,
    id: &PatientId,
) -> Result<Vec<PatientId>, StoreError> {
    let (mut all, mut unread) = (Vec::new(), vec![id.clone()]);
    while let Some(next) = unread.pop() {
        let merges = store.all_of_org::<Merge>(org, keys::merges_into(&next), true).await?;
        let merged: Vec<_> = merges.into_iter().map(|merge| merge.value.patient_id).collect();
        let found = find_all(store, org, &merged).await?;
        let left = |id: &&PatientId| {
            found
                .iter()
                .any(|it| it.value.id == **id && it.value.merged_into.as_ref() != Some(&next))
        };
        for patient in merged.iter().filter(|patient| !left(patient)) {
            if patient != id && !all.contains(patient) {
                all.push(patient.clone());
                unread.push(patient.clone());
            }
        }
    }
    Ok(all)
}
