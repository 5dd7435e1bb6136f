//! The import of patients whose ids are known in advance, so that a repeated import creates none
//! twice.

use super::{PatientRecord, identifier_taken, index, indexed, taken};
use crate::{
    error::ApiError,
    id::OrgId,
    records::patients::model::search::PatientSearch,
    store::{Entity, Store, StoreError, WriteContext, attributes::text, keys},
};

/// The result of the import of a patient.
#[derive(Debug)]
pub enum Imported {
    /// The patient was created.
    Created,
    /// There is a patient with this id.
    Existed,
    /// An identifier belongs to another patient. Nothing was written.
    Refused(ApiError),
}

/// What the table has of a patient who is to be imported.
#[derive(Debug)]
pub struct Lookup {
    /// Whether there is a patient with this id.
    pub exists: bool,
    /// The errors for identifiers that belong to other patients.
    pub taken: Vec<ApiError>,
}

/// Looks up the ids and identifiers of patients.
pub async fn look_up(
    store: &Store,
    search: &PatientSearch,
    org: &OrgId,
    patients: &[&PatientRecord],
) -> Result<Vec<Lookup>, StoreError> {
    let search_keys = search.keys.of(org);
    let markers = |patient: &PatientRecord| -> Vec<_> {
        let of_key = |(system, value, pointer): (&str, &str, String)| {
            let marker = |key| keys::identifier(&index::identifier_tag(key, system, value));
            (pointer, search_keys.iter().map(marker).collect::<Vec<_>>())
        };
        index::identifiers(&patient.details).into_iter().map(of_key).collect()
    };
    let wanted: Vec<_> = patients.iter().map(|it| (keys::patient(&it.id), markers(it))).collect();
    let mut all: Vec<_> = wanted.iter().map(|(key, _)| key.clone()).collect();
    all.extend(
        wanted.iter().flat_map(|(_, markers)| markers.iter().flat_map(|(_, at)| at.clone())),
    );
    // A request for one key twice is refused.
    all.sort();
    all.dedup();
    let found = store.batch_get(&all).await?;
    let lookups = patients.iter().zip(&wanted).map(|(patient, (key, markers))| {
        let is_of_another = |key| {
            let owner = found.get(key).and_then(|marker| text(marker, "patient_id"));
            owner.is_some_and(|owner| owner != patient.id.as_str())
        };
        let taken = markers.iter().filter(|(_, keys)| keys.iter().any(is_of_another));
        let taken = taken.map(|(pointer, _)| identifier_taken(pointer)).collect();
        Lookup { exists: found.contains_key(key), taken }
    });
    Ok(lookups.collect())
}

/// Stores a new patient under its id, unless there is one.
pub async fn import(
    store: &Store,
    search: &PatientSearch,
    context: &WriteContext,
    patient: PatientRecord,
) -> Result<Imported, StoreError> {
    let (patient, index, writes) = indexed(search, &context.org, patient)?;
    match store.create(context, Entity::new(patient, context), writes).await {
        Ok(_) => Ok(Imported::Created),
        Err(StoreError::ConditionFailed(failed)) if failed.at(0).is_some() => Ok(Imported::Existed),
        Err(StoreError::ConditionFailed(failed)) => match taken(&failed, &index) {
            Some(pointer) => Ok(Imported::Refused(identifier_taken(pointer))),
            None => Err(StoreError::Contention),
        },
        Err(other) => Err(other),
    }
}
