//! Search items and identifier markers as they are in the table.

use crate::{
    id::PatientId,
    keyring::{SearchKey, TAG_LENGTH},
    records::patients::model::{Indexed, Patient, search::SearchEntry},
    store::{Item, Key, Record as _, StoreError, attributes::text, errors::Cause, keys},
};

/// The `type` of search items.
pub const SEARCH_ENTRY: &str = "search_entry";
/// The `type` of identifier markers.
pub const IDENTIFIER: &str = "identifier";
/// The attribute with the encrypted [`SearchEntry`].
pub const ENTRY: &str = "e";
/// The attribute of a patient that lists its search items and markers.
pub const SEARCH: &str = "search";

/// Returns whether an item is a search item or a marker.
pub fn is_search_item(item: &Item) -> bool {
    matches!(text(item, "type"), Some(SEARCH_ENTRY | IDENTIFIER))
}

/// Returns the patient of a search item or marker.
pub fn patient_of(item: &Item) -> Result<PatientId, StoreError> {
    let (kind, id) = if text(item, "type") == Some(IDENTIFIER) {
        (IDENTIFIER, text(item, "patient_id").and_then(|id| id.parse().ok()))
    } else {
        (SEARCH_ENTRY, Key::of(item).and_then(|key| keys::patient_of_search_entry(&key)))
    };
    id.ok_or_else(|| StoreError::corrupt(kind, "it names no patient"))
}

/// Decrypts an entry.
pub fn opened(item: &Item, key: &SearchKey) -> Result<SearchEntry, StoreError> {
    let corrupt = |what: &'static str| StoreError::corrupt(SEARCH_ENTRY, what);
    let at = Key::of(item).ok_or_else(|| corrupt("it has no key"))?;
    let sealed = item.get(ENTRY).and_then(|sealed| sealed.as_b().ok());
    let sealed = sealed.ok_or_else(|| corrupt("it is empty"))?;
    let value = key.open(sealed.as_ref(), &context(&at));
    let value = value.ok_or_else(|| corrupt("it was encrypted with another key"))?;
    serde_json::from_slice(&value).map_err(|_| corrupt("its content is invalid"))
}

/// Returns what the encryption of an entry is bound to: its key in the table.
pub fn context(key: &Key) -> String {
    key.for_people()
}

/// Returns what a patient's item lists: its search items and markers.
pub fn listed(patient: &Item) -> Result<Option<Indexed>, StoreError> {
    let listed = patient.get(SEARCH).cloned();
    let listed = listed.map(serde_dynamo::aws_sdk_dynamodb_1::from_attribute_value::<Indexed>);
    let invalid = Cause::attribute(SEARCH, "is invalid");
    listed.transpose().map_err(|_| StoreError::corrupt(Patient::TYPE, invalid))
}

/// Returns the keys of the search items of a patient.
pub fn entry_keys(indexed: &Indexed, patient: &PatientId) -> impl Iterator<Item = Key> {
    tags(&indexed.tags).map(|tag| keys::search_entry(tag, &indexed.birth, patient))
}

/// Returns the keys of the markers of a patient.
pub fn marker_keys(indexed: &Indexed) -> impl Iterator<Item = Key> {
    tags(&indexed.identifiers).map(keys::identifier)
}

/// Splits tags that are stored one after the other.
pub fn tags(tags: &str) -> impl Iterator<Item = &str> {
    (0..tags.len() / TAG_LENGTH).filter_map(|at| tags.get(at * TAG_LENGTH..(at + 1) * TAG_LENGTH))
}
