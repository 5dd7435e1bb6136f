//! Converts a change to a dead letter and back.

use serde::{Deserialize, Serialize};

use super::change_record::ChangeRecord;
use crate::{
    id::OrgId,
    records::dead_letters::model::DeadLetter,
    store::{Item, StoreError, attributes::text},
};

/// The log message of each new dead letter. The alarm of the AWS Lambda function matches it.
pub const BECAME_DEAD_LETTER: &str = "a change became a dead letter";

#[derive(Serialize, Deserialize)]
struct Images {
    old: Option<serde_dynamo::Item>,
    new: Option<serde_dynamo::Item>,
}

/// Returns the organisation of a change, or `unknown` if its item names none.
pub fn org_of(record: &ChangeRecord) -> OrgId {
    let org = record.image().and_then(|image| text(image, "org")).unwrap_or("unknown");
    org.parse()
        .or_else(|_| "unknown".parse())
        .unwrap_or_else(|_| unreachable!("the literal is valid"))
}

/// Returns the dead letter of a change.
pub fn dead_letter_of(
    record: &ChangeRecord,
    error: String,
    tries: u32,
) -> Result<DeadLetter, StoreError> {
    let image = |item: &Option<Item>| item.clone().map(serde_dynamo::Item::from);
    let images = Images { old: image(&record.old), new: image(&record.new) };
    let images =
        serde_json::to_string(&images).map_err(|error| StoreError::corrupt("change", error))?;
    let event_id = record.event_id.clone();
    Ok(DeadLetter { event_id, at: record.at, error, tries, images: images.into() })
}

/// Returns a change with its keys only. An operator finds the record by them.
pub(super) fn keys_of(record: &ChangeRecord) -> ChangeRecord {
    let image = record.image().into_iter().flatten();
    let keys = image.filter(|(name, _)| matches!(name.as_str(), "PK" | "SK" | "type" | "org"));
    let keys = keys.map(|(name, value)| (name.clone(), value.clone())).collect();
    ChangeRecord { event_id: record.event_id.clone(), at: record.at, old: None, new: Some(keys) }
}

/// Returns the change of a dead letter.
pub fn record_of(dead_letter: &DeadLetter) -> Result<ChangeRecord, StoreError> {
    let images: Images = serde_json::from_str(dead_letter.images.expose())
        .map_err(|_| StoreError::corrupt("dead_letter", "its images can't be read"))?;
    Ok(ChangeRecord {
        event_id: dead_letter.event_id.clone(),
        at: dead_letter.at,
        old: images.old.map(Into::into),
        new: images.new.map(Into::into),
    })
}
