//! A change of a record, as reported by a stream record: who created, changed or deleted the
//! record, and which attributes changed.
//!
//! A deletion is reported by a trace that the deleting request leaves. For an appointment, this is
//! its tombstone. For any other record, it is the deletion mark on the removed item. An item
//! removed without a mark, for example by TTL, is not a change.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use serde_dynamo::aws_sdk_dynamodb_1::from_attribute_value;

use super::change_record::ChangeRecord;
use crate::{
    aggregates,
    appointments::{
        model::{Appointment, Rescheduled},
        repo::Tombstone,
    },
    audit_events::model::{Action, AuditEvent},
    id::{ClinicId, OrgId, RecordId},
    records::clinics::model::Clinic,
    store::{
        DeletionMark, Item, Meta, Record, StoreError,
        attributes::{number, text},
        codec::differing_attributes,
        errors::Cause,
    },
};

/// One change of one record.
#[derive(Debug, Clone, PartialEq)]
pub struct Change<'a> {
    /// The record's organisation.
    pub org: OrgId,
    /// Its audit log entry.
    pub entry: AuditEvent,
    /// The item before the change.
    pub old: Option<&'a Item>,
    /// The item after the change.
    pub new: Option<&'a Item>,
}

/// Attributes that all items have or that are derived from others, in addition to those of
/// [`Meta`].
const DERIVED: [&str; 7] = ["GSI1PK", "GSI1SK", "PK", "SK", "search", "type", "v"];

const RESCHEDULED_FROM: &str = "rescheduled_from";

impl<'a> Change<'a> {
    /// Returns the change that a stream record reports, if any. An item of an unknown type is an
    /// error: a later release has to process it.
    pub fn of(record: &'a ChangeRecord) -> Result<Option<Self>, StoreError> {
        let image = record.image().ok_or_else(|| corrupt("the record has no image"))?;
        let item_type = aggregates::item_type(required(image, "type")?)
            .ok_or_else(|| corrupt("the item has a type that this release does not know"))?;
        let change = match (&record.old, &record.new) {
            (None, Some(tombstone)) if item_type.name == Tombstone::TYPE => {
                let meta = Meta::of_item("change", tombstone)?;
                let id = required(tombstone, "appointment_id")?;
                Some(Self::about(record, Appointment::TYPE, id, tombstone, meta)?)
            }
            _ if !item_type.audited => None,
            (Some(old), None) => Self::deleted(record, item_type.name, old)?,
            (old, Some(new)) => Self::written(record, item_type.name, old.as_ref(), new)?,
            (None, None) => None,
        };
        Ok(change)
    }

    /// Returns `None` if the revision did not change.
    fn written(
        record: &ChangeRecord,
        item_type: &str,
        old: Option<&'a Item>,
        new: &'a Item,
    ) -> Result<Option<Self>, StoreError> {
        let meta = Meta::of_item("change", new)?;
        if let Some(old) = old
            && old.get("rev") == Some(&number(meta.rev))
        {
            return Ok(None);
        }
        // A move to another start stores the appointment as a new item with the same id.
        let moved = new.get(RESCHEDULED_FROM).filter(|_| old.is_none());
        let action = if old.is_some() || moved.is_some() { Action::Update } else { Action::Create };
        let changed = match (old, moved) {
            (Some(old), _) => differing(old, new).map(str::to_owned).collect(),
            (None, Some(moved)) => changed_by(moved)?,
            (None, None) => Vec::new(),
        };
        let record_rev = Some(meta.rev);
        let change = Self::about(record, item_type, required(new, "id")?, new, meta)?;
        let entry = AuditEvent { action, record_rev, changed, ..change.entry };
        Ok(Some(Self { entry, old, new: Some(new), ..change }))
    }

    /// Returns `None` if the removed item has no deletion mark.
    fn deleted(
        record: &ChangeRecord,
        item_type: &str,
        old: &'a Item,
    ) -> Result<Option<Self>, StoreError> {
        let Some(DeletionMark { request_id, subject, .. }) = DeletionMark::on(old) else {
            return Ok(None);
        };
        let meta = Meta::of_item("change", old)?;
        // Stream timestamps have a resolution of one second. A deletion is always later than the
        // last change.
        let after_last_change = meta.updated_at.saturating_add(SignedDuration::from_millis(1));
        let recorded = record.at.max(after_last_change.unwrap_or(meta.updated_at));
        let change = Self::about(record, item_type, required(old, "id")?, old, meta)?;
        let entry = AuditEvent { recorded, subject, asked_by: request_id, ..change.entry };
        Ok(Some(Self { entry, old: Some(old), ..change }))
    }

    /// Returns a deletion by the last writer of `image`. Callers adjust it for other changes.
    fn about(
        record: &ChangeRecord,
        item_type: &str,
        record_id: &str,
        image: &Item,
        meta: Meta,
    ) -> Result<Self, StoreError> {
        let is_clinic = item_type == Clinic::TYPE;
        let clinic_id = if is_clinic { Some(record_id) } else { text(image, "clinic_id") };
        let entry = AuditEvent {
            event_id: record.event_id.clone(),
            action: Action::Delete,
            record_kind: item_type.to_owned(),
            record_id: RecordId::try_from(record_id.to_owned()).map_err(corrupt)?,
            clinic_id: clinic_id.map(str::parse::<ClinicId>).transpose().map_err(corrupt)?,
            recorded: meta.updated_at,
            subject: meta.updated_by,
            asked_by: meta.request_id,
            record_rev: None,
            changed: Vec::new(),
        };
        Ok(Self { org: meta.org, entry, old: None, new: None })
    }
}

fn corrupt(cause: impl Into<Cause>) -> StoreError {
    StoreError::corrupt("change", cause)
}

fn required<'a>(item: &'a Item, name: &'static str) -> Result<&'a str, StoreError> {
    text(item, name).ok_or_else(|| corrupt(Cause::attribute(name, "is missing")))
}

/// Returns the names of the attributes that a move changed, as stored in the appointment.
fn changed_by(moved: &AttributeValue) -> Result<Vec<String>, StoreError> {
    let moved: Rescheduled = from_attribute_value(moved.clone())
        .map_err(|_| corrupt(Cause::attribute(RESCHEDULED_FROM, "is invalid")))?;
    Ok(moved.changed)
}

/// Returns the names of the record's own attributes that differ.
fn differing<'a>(old: &'a Item, new: &'a Item) -> impl Iterator<Item = &'a str> {
    let own = |name: &&str| !DERIVED.contains(name) && !Meta::ATTRIBUTES.contains(name);
    differing_attributes(old, new).filter(own)
}
