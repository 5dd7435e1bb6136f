//! A change as a dead letter, and back.

use serde::{Deserialize, Serialize};

use crate::{
    dead_letters::model::DeadLetter,
    id::OrgId,
    store::{Item, StoreError, attributes::text},
    stream::record::ChangeRecord,
};

#[derive(Serialize, Deserialize)]
struct Images {
    old: Option<serde_dynamo::Item>,
    new: Option<serde_dynamo::Item>,
}

/// Whose change it is, as far as it says.
#[must_use]
pub fn org_of(record: &ChangeRecord) -> OrgId {
    let image = record.new.as_ref().or(record.old.as_ref());
    let org = image.and_then(|image| text(image, "org")).unwrap_or("unknown");
    org.parse().or_else(|_| "unknown".parse()).unwrap_or_else(|_| unreachable!("it is one"))
}

/// The dead letter of a change.
///
/// # Errors
/// [`StoreError::Corrupt`] if it does not serialise.
pub fn letter_of(
    record: &ChangeRecord,
    error: String,
    tries: u32,
) -> Result<DeadLetter, StoreError> {
    let image = |item: &Option<Item>| item.clone().map(serde_dynamo::Item::from);
    letter(record, &Images { old: image(&record.old), new: image(&record.new) }, error, tries)
}

/// The dead letter of a change that is too large to be kept: its keys alone, by which an operator finds the record.
///
/// # Errors
/// [`StoreError::Corrupt`] if it does not serialise.
pub fn letter_of_keys(
    record: &ChangeRecord,
    error: &str,
    tries: u32,
) -> Result<DeadLetter, StoreError> {
    let image = record.new.as_ref().or(record.old.as_ref()).into_iter().flatten();
    let keys = image.filter(|(name, _)| matches!(name.as_str(), "PK" | "SK" | "type" | "org"));
    let keys: Item = keys.map(|(name, value)| (name.clone(), value.clone())).collect();
    let error = format!("{error}; its images are too large to be kept");
    letter(record, &Images { old: None, new: Some(keys.into()) }, error, tries)
}

fn letter(
    record: &ChangeRecord,
    images: &Images,
    error: String,
    tries: u32,
) -> Result<DeadLetter, StoreError> {
    let images =
        serde_json::to_string(images).map_err(|error| StoreError::corrupt("change", error))?;
    Ok(DeadLetter {
        event_id: record.event_id.clone(),
        at: record.at,
        error,
        tries,
        images: images.into(),
    })
}

/// The change of a dead letter.
///
/// # Errors
/// [`StoreError::Corrupt`] if it is none.
pub fn record_of(letter: &DeadLetter) -> Result<ChangeRecord, StoreError> {
    let images: Images = serde_json::from_str(letter.images.expose())
        .map_err(|_| StoreError::corrupt("dead_letter", "its images can't be read"))?;
    Ok(ChangeRecord {
        event_id: letter.event_id.clone(),
        at: letter.at,
        old: images.old.map(Into::into),
        new: images.new.map(Into::into),
    })
}
