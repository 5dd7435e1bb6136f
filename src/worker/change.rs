//! A change of a record, as a record of the stream reports it: who created, changed or deleted it, and what of it.
//!
//! A deletion is reported by what its writer left: of an appointment by its tombstone, of any other record by the deletion mark
//! on the removed item. Items that are removed without a mark, as by TTL, are no change.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::change_record::ChangeRecord;
use crate::{
    aggregates,
    appointments::{model::Appointment, repo::Tombstone},
    audit_events::model::Action,
    events::By,
    id::OrgId,
    records::clinics::model::Clinic,
    store::{
        DeletionMark, Item, Meta, Record, StoreError,
        attributes::{number, text},
        errors::Cause,
    },
};

/// One change of one record.
#[derive(Debug, Clone, PartialEq)]
pub struct Change<'a> {
    /// The stream's id of it.
    pub event_id: &'a str,
    /// What happened.
    pub action: Action,
    /// The record's item type.
    pub item_type: &'static str,
    /// The record's id.
    pub record_id: &'a str,
    /// Its organisation.
    pub org: OrgId,
    /// Its clinic, if it has one.
    pub clinic_id: Option<&'a str>,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it.
    pub by: By,
    /// The record's new revision; none once it is deleted.
    pub rev: Option<u64>,
    /// The names of the attributes that changed; not the values.
    pub changed: BTreeSet<&'a str>,
    /// The record before.
    pub old: Option<&'a Item>,
    /// The record after.
    pub new: Option<&'a Item>,
}

/// The attributes that every item has or that follow from others; [`Meta`]'s are beside them.
const DERIVED: [&str; 6] = ["GSI1PK", "GSI1SK", "PK", "SK", "type", "v"];

impl<'a> Change<'a> {
    /// The change that a record of the stream reports, if it reports one.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if an image lacks an attribute that every item has, or is of a type that only a later release
    /// knows: that release is to process it.
    pub fn of(record: &'a ChangeRecord) -> Result<Option<Self>, StoreError> {
        let image = record.image().ok_or_else(|| corrupt("the record has no image"))?;
        let item_type = aggregates::item_type(required(image, "type")?)
            .ok_or_else(|| corrupt("the item is of a type that this release does not know"))?;
        let change = match (&record.old, &record.new) {
            (None, Some(tombstone)) if item_type.name == Tombstone::TYPE => {
                Some(Self::deleted_appointment(record, tombstone)?)
            }
            _ if !item_type.audited => None,
            (Some(old), None) => Self::deleted(record, item_type.name, old)?,
            (old, Some(new)) => Self::written(record, item_type.name, old.as_ref(), new)?,
            (None, None) => None,
        };
        Ok(change)
    }

    /// `None` if the item was written with the same revision.
    fn written(
        record: &'a ChangeRecord,
        item_type: &'static str,
        old: Option<&'a Item>,
        new: &'a Item,
    ) -> Result<Option<Self>, StoreError> {
        let meta = Meta::of_item("change", new)?;
        if let Some(old) = old
            && old.get("rev") == Some(&number(meta.rev))
        {
            return Ok(None);
        }
        // A move to another date stores the appointment anew, under its id.
        let moved = old.is_none() && new.contains_key("rescheduled_from");
        let action = if old.is_some() || moved { Action::Update } else { Action::Create };
        let changed = match old {
            _ if moved => moved_from(new),
            Some(old) => differing(old, new),
            None => BTreeSet::new(),
        };
        let rev = Some(meta.rev);
        let change = Self::about(record, item_type, required(new, "id")?, new, meta);
        Ok(Some(Self { action, changed, rev, old, new: Some(new), ..change }))
    }

    /// `None` if the removed item bears no deletion mark.
    fn deleted(
        record: &'a ChangeRecord,
        item_type: &'static str,
        old: &'a Item,
    ) -> Result<Option<Self>, StoreError> {
        let Some(DeletionMark { request_id, subject }) = DeletionMark::on(old) else {
            return Ok(None);
        };
        let meta = Meta::of_item("change", old)?;
        // The stream's times are in seconds: a deletion is later than the last change in any case.
        let after_last_change = meta.updated_at.saturating_add(SignedDuration::from_millis(1));
        let at = record.at.max(after_last_change.unwrap_or(meta.updated_at));
        let change = Self::about(record, item_type, required(old, "id")?, old, meta);
        Ok(Some(Self { at, by: By { subject, request_id }, old: Some(old), ..change }))
    }

    fn deleted_appointment(
        record: &'a ChangeRecord,
        tombstone: &'a Item,
    ) -> Result<Self, StoreError> {
        let meta = Meta::of_item("change", tombstone)?;
        let record_id = required(tombstone, "appointment_id")?;
        Ok(Self::about(record, Appointment::TYPE, record_id, tombstone, meta))
    }

    /// A deletion by the last writer of `image`.
    fn about(
        record: &'a ChangeRecord,
        item_type: &'static str,
        record_id: &'a str,
        image: &'a Item,
        meta: Meta,
    ) -> Self {
        let is_clinic = item_type == Clinic::TYPE;
        Self {
            event_id: &record.event_id,
            action: Action::Delete,
            item_type,
            record_id,
            org: meta.org,
            clinic_id: if is_clinic { Some(record_id) } else { text(image, "clinic_id") },
            at: meta.updated_at,
            by: By { subject: meta.updated_by, request_id: meta.request_id },
            rev: None,
            changed: BTreeSet::new(),
            old: None,
            new: None,
        }
    }
}

fn corrupt(cause: impl Into<Cause>) -> StoreError {
    StoreError::corrupt("change", cause)
}

fn required<'a>(item: &'a Item, name: &'static str) -> Result<&'a str, StoreError> {
    text(item, name).ok_or_else(|| corrupt(Cause::attribute(name, "is missing")))
}

/// The names of what a move to another date changed.
fn moved_from(new: &Item) -> BTreeSet<&str> {
    let from = new.get("rescheduled_from").and_then(|from| from.as_m().ok());
    let differ = from.into_iter().flatten().filter(|(name, value)| new.get(*name) != Some(value));
    differ.map(|(name, _)| name.as_str()).chain(["date", "rescheduled_from"]).collect()
}

/// The names of the record's own attributes that differ.
fn differing<'a>(old: &'a Item, new: &'a Item) -> BTreeSet<&'a str> {
    let names = old.keys().chain(new.keys()).map(String::as_str);
    let own = names.filter(|name| !DERIVED.contains(name) && !Meta::ATTRIBUTES.contains(name));
    own.filter(|name| old.get(*name) != new.get(*name)).collect()
}
