//! Patients in the table, and the markers that keep their record numbers unique.

use serde::{Deserialize, Serialize};

use super::model::{Patient, PatientDetails};
use crate::{
    error::{ApiError, ErrorCode},
    id::{OrgId, PatientId},
    records::of_org::OfOrg,
    scheduling::repo::{Bookable, Booked, find_booked},
    sensitive::Sensitive,
    store::{
        Entity, Item, Key, Meta, Record, Store, StoreError, WriteContext,
        attributes::{string, text},
        expression::Condition,
        keys::{self, IndexKey},
        write::Write,
    },
};

impl Record for Patient {
    const TYPE: &'static str = "patient";

    fn key(&self) -> Key {
        keys::patient(&self.id)
    }

    fn index_key(&self, _meta: &Meta) -> Option<IndexKey> {
        Some(keys::patient_in_index(&self.id))
    }
}

/// The marker of a record number that is in use, with its patient.
#[derive(Clone, Serialize, Deserialize)]
pub struct RecordNumber {
    org: OrgId,
    mrn: Sensitive<String>,
    patient_id: PatientId,
}

impl Record for RecordNumber {
    const TYPE: &'static str = "record_number";

    fn key(&self) -> Key {
        keys::record_number(&self.org, self.mrn.expose())
    }
}

fn record_number_taken() -> ApiError {
    let message =
        "is already used by another patient of the organisation; use another record number";
    ApiError::field(ErrorCode::MrnTaken, "/mrn", message)
}

/// Stores a new patient, or returns the one that was stored under the same `Idempotency-Key`.
pub async fn create(
    store: &Store,
    context: &WriteContext,
    details: PatientDetails,
) -> Result<Entity<Patient>, ApiError> {
    let patient = OfOrg { id: PatientId::random(), details };
    let claimed = record_number(context, &patient)?;
    let claims = claimed.is_some();
    let entity = Entity::new(patient, context);
    let created = store.create(context, entity, claimed.into_iter().collect()).await;
    created.map_err(|error| match error {
        StoreError::ConditionFailed(failed) if claims && failed.at(1).is_some() => {
            record_number_taken()
        }
        other => other.into(),
    })
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

/// Returns the patient of the organisation with this record number.
pub async fn find_by_record_number(
    store: &Store,
    org: &OrgId,
    mrn: &str,
    consistent: bool,
) -> Result<Option<Entity<Patient>>, StoreError> {
    let marker = store.get::<RecordNumber>(&keys::record_number(org, mrn), consistent).await?;
    let Some(marker) = marker else {
        return Ok(None);
    };
    let found = store.get::<Patient>(&keys::patient(&marker.value.patient_id), consistent).await?;
    // Between the two reads, the number may have been given to another patient.
    Ok(found.filter(|patient| patient.meta.org == *org && number(&patient.value) == Some(mrn)))
}

/// Replaces a patient's details with the result of `change`, and moves the marker of a changed
/// record number.
pub async fn update(
    store: &Store,
    context: &WriteContext,
    id: &PatientId,
    change: impl Fn(PatientDetails) -> Result<PatientDetails, ApiError>,
) -> Result<Entity<Patient>, ApiError> {
    let markers = |old: &Patient, new: &Patient| {
        if old.mrn == new.mrn {
            return Ok(vec![]);
        }
        let claimed = new.mrn.as_ref().map(|mrn| claim(context, id, mrn)).transpose()?;
        let released = number(old).map(|mrn| release(&context.org, id, mrn));
        Ok(claimed.into_iter().chain(released).collect())
    };
    // A `StoreError` is converted last, because an `ApiError` does not say which condition failed.
    let read = || get(store, &context.org, id, true);
    let modify = |old: &Patient| {
        let details = change(old.details.clone()).map_err(Step::Refused)?;
        Ok(Patient { id: id.clone(), details })
    };
    let updated = store.modify(context, read, modify, markers).await;
    updated.map_err(|step| match step {
        Step::Refused(refusal) => refusal,
        Step::Store(StoreError::ConditionFailed(failed)) if failed.at(1).is_some() => {
            record_number_taken()
        }
        Step::Store(other) => other.into(),
    })
}

enum Step {
    Refused(ApiError),
    Store(StoreError),
}

impl From<StoreError> for Step {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Deletes a patient without future appointments, frees the record number and does `extra_writes`,
/// in one transaction.
pub async fn delete(
    store: &Store,
    context: &WriteContext,
    id: &PatientId,
    extra_writes: impl Fn() -> Result<Vec<Write>, StoreError>,
) -> Result<Option<Booked>, StoreError> {
    let check_blockers = || find_booked(store, Bookable::Patient(id), context.now);
    let extra_writes = |marked: &Item| {
        let mrn = text(marked, "mrn").map(|mrn| release(&context.org, id, mrn));
        Ok(mrn.into_iter().chain(extra_writes()?).collect())
    };
    store.guarded_delete(context, &keys::patient(id), &[], check_blockers, extra_writes).await
}

/// Returns the write that claims a new patient's record number, if there is one.
pub fn record_number(
    context: &WriteContext,
    patient: &Patient,
) -> Result<Option<Write>, StoreError> {
    patient.mrn.as_ref().map(|mrn| claim(context, &patient.id, mrn)).transpose()
}

fn number(patient: &Patient) -> Option<&str> {
    patient.mrn.as_ref().map(|mrn| mrn.expose().as_str())
}

fn claim(
    context: &WriteContext,
    id: &PatientId,
    mrn: &Sensitive<String>,
) -> Result<Write, StoreError> {
    let marker =
        RecordNumber { org: context.org.clone(), mrn: mrn.clone(), patient_id: id.clone() };
    Entity::new(marker, context).create()
}

/// Returns the write that releases a record number. It also succeeds if the marker is already gone.
fn release(org: &OrgId, id: &PatientId, mrn: &str) -> Write {
    let own = Condition::Equals("patient_id", string(id));
    Write::Delete {
        key: keys::record_number(org, mrn),
        condition: Condition::Any(vec![Condition::Absent, own]),
    }
}
