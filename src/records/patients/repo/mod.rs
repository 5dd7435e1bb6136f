//! Patients in the table, with their search items and the markers that keep their identifiers
//! unique.

mod import;
mod index;
mod items;
mod merge;
mod reindex;
pub mod repair;
mod search;
pub mod verify;

pub use import::{Imported, Lookup, import, look_up};
pub use index::{Index, identifiers};
pub use items::is_search_item;
use items::{IDENTIFIER, SEARCH, SEARCH_ENTRY};
pub use merge::{
    all_merged_into, being_deleted, finish, merge, stays_unmerged, survivor_in, unknown_survivor,
};
pub use reindex::Reindex;
pub use search::{Found, Hit, duplicates, search};

use super::model::{Merge, Patient, PatientDetails, PatientRecord, search::PatientSearch};
use crate::{
    error::{ApiError, ErrorCode},
    id::{OrgId, PatientId},
    scheduling::repo::{Bookable, Booked, find_booked},
    store::{
        Entity, Item, ItemType, Key, Meta, Record, Store, StoreError, WriteContext,
        errors::FailedConditions,
        expression::Condition,
        keys::{self, IndexKey},
        write::Write,
    },
};

/// The item types of this module.
pub const ITEM_TYPES: &[ItemType] = &[
    ItemType::audited::<Patient>(),
    ItemType::never_rewritten(SEARCH_ENTRY),
    ItemType::never_rewritten(IDENTIFIER),
    ItemType::of::<Merge>(),
];

impl Record for Patient {
    const TYPE: &'static str = "patient";

    fn key(&self) -> Key {
        keys::patient(&self.id)
    }

    fn index_key(&self, _meta: &Meta) -> Option<IndexKey> {
        Some(keys::patient_in_index(&self.id))
    }

    /// The index may be rewritten with another key, without a new revision.
    fn replaceable(&self) -> Result<Option<Condition>, StoreError> {
        let stored = serde_dynamo::aws_sdk_dynamodb_1::to_attribute_value(&self.search);
        let stored = stored.map_err(|error| StoreError::corrupt(Self::TYPE, error))?;
        Ok(Some(match &self.search {
            Some(_) => Condition::Equals(SEARCH, stored),
            None => Condition::Without(SEARCH),
        }))
    }
}

/// Refuses a request for a patient that was merged into another one.
pub fn merged(merged_into: &PatientId) -> ApiError {
    let detail = "The patient was merged into the patient in merged_into. Send the request for that patient instead.";
    ApiError::new(ErrorCode::PatientMerged, detail).with_merged_into(merged_into)
}

/// Refuses a request for a patient that was merged into another one, which has most of their data.
pub async fn require_unmerged(store: &Store, org: &OrgId, id: &PatientId) -> Result<(), ApiError> {
    let merged_into = find(store, org, id).await?.and_then(|patient| patient.value.merged_into);
    merged_into.map_or(Ok(()), |merged_into| Err(merged(&merged_into)))
}

/// Returns the error for an identifier that belongs to another patient.
pub fn identifier_taken(pointer: &str) -> ApiError {
    let (code, message) = if pointer == "/mrn" {
        let message =
            "is already used by another patient of the organisation; use another record number";
        (ErrorCode::MrnTaken, message)
    } else {
        let message = "already identifies another patient of the organisation";
        (ErrorCode::IdentifierTaken, message)
    };
    ApiError::field(code, pointer, message)
}

/// Returns a new patient and the writes of its search items and markers.
pub fn indexed(
    search: &PatientSearch,
    org: &OrgId,
    record: PatientRecord,
) -> Result<(Patient, Index, Vec<Write>), StoreError> {
    let patient = Patient::new(record);
    let index = Index::new(search, org, &patient)?;
    let writes = index.writes(None)?;
    let patient = Patient { search: Some(index.indexed().clone()), ..patient };
    Ok((patient, index, writes))
}

/// Stores a new patient with its possible duplicates, or returns the one that was stored under the
/// same `Idempotency-Key`.
pub async fn create(
    store: &Store,
    search: &PatientSearch,
    context: &WriteContext,
    details: PatientDetails,
) -> Result<Entity<Patient>, ApiError> {
    let possible_duplicates = search::duplicates(store, search, &context.org, &details).await?;
    let record = PatientRecord { id: PatientId::random(), details };
    let (patient, index, writes) = indexed(search, &context.org, record)?;
    let patient = Patient { possible_duplicates, ..patient };
    let created = store.create(context, Entity::new(patient, context), writes).await;
    created.map_err(|error| refused(error, &index))
}

/// Converts an error of a transaction that claims identifiers.
fn refused(error: StoreError, index: &Index) -> ApiError {
    if let StoreError::ConditionFailed(failed) = &error
        && let Some(pointer) = taken(failed, index)
    {
        return identifier_taken(pointer);
    }
    error.into()
}

/// Returns the pointer to the first identifier that belongs to another patient.
fn taken<'a>(failed: &FailedConditions, index: &'a Index) -> Option<&'a str> {
    let claims = (1..).map_while(|position| Some((position, index.taken(position - 1)?)));
    let mut taken = claims.filter(|(position, _)| failed.at(*position).is_some());
    taken.next().map(|(_, pointer)| pointer)
}

/// Returns a patient of the organisation.
pub async fn get(
    store: &Store,
    org: &OrgId,
    id: &PatientId,
    consistent: bool,
) -> Result<Entity<Patient>, StoreError> {
    store.get_of_org(org, &keys::patient(id), consistent).await
}

/// Returns a patient of the organisation, if there is one, read consistently.
pub async fn find(
    store: &Store,
    org: &OrgId,
    id: &PatientId,
) -> Result<Option<Entity<Patient>>, StoreError> {
    let found = store.get::<Patient>(&keys::patient(id), true).await?;
    Ok(found.filter(|patient| patient.meta.org == *org))
}

/// Returns the patients of the organisation among these, read consistently.
pub async fn find_all(
    store: &Store,
    org: &OrgId,
    ids: &[PatientId],
) -> Result<Vec<Entity<Patient>>, StoreError> {
    let keys: Vec<_> = ids.iter().map(keys::patient).collect();
    let mut found = store.batch_get(&keys).await?;
    let found = keys.iter().filter_map(|key| found.remove(key)).map(Entity::from_item);
    let mut found = found.collect::<Result<Vec<Entity<Patient>>, _>>()?;
    found.retain(|patient| patient.meta.org == *org);
    Ok(found)
}

/// Replaces a patient's details with the result of `change`, and moves its search items and
/// markers.
pub async fn update(
    store: &Store,
    search: &PatientSearch,
    context: &WriteContext,
    id: &PatientId,
    change: impl Fn(PatientDetails) -> Result<PatientDetails, ApiError>,
) -> Result<Entity<Patient>, ApiError> {
    let read = || get(store, &context.org, id, true);
    let mut claimed = None;
    let modify = |old: &Patient| {
        claimed = None;
        if let Some(merged_into) = &old.merged_into {
            return Err(Step::Refused(merged(merged_into)));
        }
        let details = change(old.details.clone()).map_err(Step::Refused)?;
        if details == old.details {
            return Ok((old.clone(), vec![]));
        }
        let record = PatientRecord { id: id.clone(), details };
        let mut patient = Patient { record, ..old.clone() };
        let index = Index::new(search, &context.org, &patient)?;
        let writes = index.writes(Some(old))?;
        patient.search = Some(index.indexed().clone());
        claimed = (!writes.is_empty()).then_some(index);
        Ok((patient, writes))
    };
    let updated = store.modify(context, read, modify).await;
    updated.map_err(|step| match (step, claimed) {
        (Step::Refused(refusal), _) => refusal,
        (Step::Store(error), Some(index)) => refused(error, &index),
        (Step::Store(error), None) => error.into(),
    })
}

/// Why an update failed. A `StoreError` is converted last, because an `ApiError` does not say which
/// condition failed.
enum Step {
    Refused(ApiError),
    Store(StoreError),
}

impl From<StoreError> for Step {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Deletes a patient unless they have future appointments, in which case it returns one. Frees
/// their identifiers, and commits `extra_writes` with it, computed from the patient's item. The links
/// to past appointments stay with the appointments, for erasing and exporting.
pub async fn delete(
    store: &Store,
    context: &WriteContext,
    id: &PatientId,
    extra_writes: impl Fn(&Item) -> Result<Vec<Write>, StoreError>,
) -> Result<Option<Booked>, StoreError> {
    let check_blockers = || find_booked(store, Bookable::Patient(id), context.now);
    let extra_writes = |marked: &Item| {
        let indexed = items::listed(marked)?;
        let deletes = indexed.iter().flat_map(|indexed| index::deletes(indexed, id));
        Ok(deletes.chain(extra_writes(marked)?).collect())
    };
    store.guarded_delete(context, &keys::patient(id), &[], check_blockers, extra_writes).await
}
