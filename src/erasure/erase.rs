//! Erasure of a patient's personal data (GDPR, article 17).

use crate::{
    appointments,
    audit::model::{Access, ERASURE},
    id::PatientId,
    records::patients,
    scheduling::repo::{Bookable, Booked, find_booked},
    store::{Entity, Item, Precondition, Store, StoreError, WriteContext},
    time::Retention,
};

/// Erases a patient, and all patients that were merged into this one. Nothing is erased while one of
/// them has future appointments. A repeated request completes an interrupted erasure.
/// [`StoreError::NotFound`] means that nothing of the patient is left.
pub async fn erase(
    store: &Store,
    context: &WriteContext,
    id: &PatientId,
    retention: Retention,
) -> Result<Option<Booked>, StoreError> {
    for merged in patients::repo::all_merged_into(store, &context.org, id).await? {
        let booked = find_booked(store, Bookable::Patient(&merged), context.now).await?;
        if booked.is_some() {
            return Ok(booked);
        }
    }
    // The caller has refused a merged patient, but it may have been merged since.
    let mut found = match erase_one(store, context, id, retention, |it| it.is_none()).await {
        Ok(None) => true,
        Ok(booked) => return Ok(booked),
        Err(StoreError::NotFound) => false,
        Err(other) => return Err(other),
    };
    // Nothing can be merged into a deleted patient, so this list is complete.
    let all_merged = patients::repo::all_merged_into(store, &context.org, id).await;
    let all_merged = all_merged.map_err(StoreError::after_writes)?;
    let context = WriteContext { precondition: Precondition::None, ..context.clone() };
    // One may have been merged into another patient since.
    let is_of = |survivor: Option<&str>| {
        let mut erased = all_merged.iter().chain([id]);
        survivor.is_some_and(|survivor| erased.any(|erased| erased.as_str() == survivor))
    };
    for merged in &all_merged {
        match erase_one(store, &context, merged, retention, is_of).await {
            Ok(None) => found = true,
            Ok(booked) => return Ok(booked),
            Err(StoreError::NotFound) => {}
            Err(other) => return Err(other.after_writes()),
        }
    }
    if found { Ok(None) } else { Err(StoreError::NotFound) }
}

/// Deletes a patient, if it may be erased with the survivor that it names, and records the erasure in
/// the same transaction. Then removes the personal data from the appointments.
async fn erase_one(
    store: &Store,
    context: &WriteContext,
    id: &PatientId,
    retention: Retention,
    may_erase: impl Fn(Option<&str>) -> bool,
) -> Result<Option<Booked>, StoreError> {
    let access = Access {
        patient_id: id.clone(),
        operation: ERASURE.to_owned(),
        subject: context.subject.clone(),
        at: context.now,
        searched: Vec::new(),
    };
    let expires_at = retention.expiry(context.now);
    let remember = |patient: &Item| {
        if !may_erase(patients::repo::survivor_in(patient)) {
            return Err(StoreError::Contention);
        }
        Ok(vec![Entity::new(access.clone(), context).create_expiring(expires_at)?])
    };
    let found = match patients::repo::delete(store, context, id, remember).await {
        Ok(Some(booked)) => return Ok(Some(booked)),
        Ok(None) => true,
        Err(StoreError::NotFound) => false,
        Err(other) => return Err(other),
    };
    let erased = appointments::repo::erase_all_of_patient(store, context, id).await;
    let appointments = erased.map_err(StoreError::after_writes)?;
    if !found && appointments == 0 {
        return Err(StoreError::NotFound);
    }
    // The entry already exists, unless another request has deleted the patient.
    let added = store.add_expiring(context, access.clone(), expires_at).await;
    added.map_err(StoreError::after_writes)?;
    Ok(None)
}
