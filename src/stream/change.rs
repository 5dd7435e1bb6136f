//! What a record of the stream says of a record of the service: who made, changed or deleted it, and what of it.
//!
//! A deletion is told by what its writer left: an appointment's by the item that remembers it, anything else's by the mark
//! that stands on what is removed. Anything else that is removed tells nothing, as what TTL removes.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::record::ChangeRecord;
use crate::{
    audit_events::model::Action,
    id::OrgId,
    store::{Item, StoreError, attributes::text, errors::Cause},
};

/// One change of one record.
#[derive(Debug, Clone, PartialEq)]
pub struct Change<'a> {
    /// The stream's id of it.
    pub event_id: &'a str,
    /// What happened.
    pub action: Action,
    /// The record's `type`.
    pub kind: &'a str,
    /// Its id.
    pub record_id: &'a str,
    /// Its organisation.
    pub org: OrgId,
    /// Its clinic, if it has one.
    pub clinic_id: Option<&'a str>,
    /// When.
    pub at: Timestamp,
    /// Who: the `sub` of their token.
    pub subject: &'a str,
    /// The request.
    pub request_id: &'a str,
    /// Its revision since; none once it is deleted.
    pub rev: Option<u64>,
    /// The names of what changed; not the values.
    pub changed: BTreeSet<&'a str>,
    /// The record before.
    pub old: Option<&'a Item>,
    /// The record since.
    pub new: Option<&'a Item>,
}

/// The records whose changes are told.
const KINDS: [&str; 7] =
    ["appointment", "clinic", "exception", "patient", "resource", "staff", "visit_type"];
const DELETED_APPOINTMENT: &str = "deleted_appointment";

/// The attributes that every item has, and those that follow from others.
const OF_EVERY_ITEM: [&str; 12] = [
    "GSI1PK",
    "GSI1SK",
    "PK",
    "SK",
    "created_at",
    "deleting",
    "org",
    "request_id",
    "rev",
    "type",
    "updated_at",
    "updated_by",
];

impl<'a> Change<'a> {
    /// The change that a record of the stream tells of, if it tells of one.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if an image lacks what every item has.
    pub fn of(record: &'a ChangeRecord) -> Result<Option<Self>, StoreError> {
        let Some(image) = record.new.as_ref().or(record.old.as_ref()) else {
            return Err(StoreError::corrupt("change", "the record has no image"));
        };
        let kind = required(image, "type")?;
        match (&record.old, &record.new) {
            (None, Some(new)) if kind == DELETED_APPOINTMENT => {
                Self::deleted_appointment(record, new).map(Some)
            }
            _ if !KINDS.contains(&kind) => Ok(None),
            (Some(old), Some(new)) if rev(old)? == rev(new)? => Ok(None),
            (Some(old), None) => Self::deleted(record, kind, old),
            (old, Some(new)) => Self::written(record, kind, old.as_ref(), new).map(Some),
            (None, None) => Ok(None),
        }
    }

    fn written(
        record: &'a ChangeRecord,
        kind: &'a str,
        old: Option<&'a Item>,
        new: &'a Item,
    ) -> Result<Self, StoreError> {
        // A move to another date makes the appointment anew, under its id.
        let moved = old.is_none() && new.contains_key("rescheduled_from");
        let action = if old.is_some() || moved { Action::Update } else { Action::Create };
        let changed = match old {
            _ if moved => moved_from(new),
            Some(old) => differing(old, new),
            None => BTreeSet::new(),
        };
        Ok(Self {
            action,
            changed,
            at: time(new, "updated_at")?,
            subject: required(new, "updated_by")?,
            request_id: required(new, "request_id")?,
            rev: Some(rev(new)?),
            old,
            new: Some(new),
            ..Self::about(record, kind, required(new, "id")?, new)?
        })
    }

    /// Nothing, if what was removed bears nobody's mark.
    fn deleted(
        record: &'a ChangeRecord,
        kind: &'a str,
        old: &'a Item,
    ) -> Result<Option<Self>, StoreError> {
        let Some((request_id, subject)) =
            text(old, "deleting").and_then(|mark| mark.split_once(" by "))
        else {
            return Ok(None);
        };
        let about = Self::about(record, kind, required(old, "id")?, old)?;
        // The stream tells the time to the second: a deletion stands behind the last change in any case.
        let last_change = time(old, "updated_at")?;
        let after_it = last_change.saturating_add(SignedDuration::from_millis(1));
        let at = record.at.max(after_it.unwrap_or(last_change));
        Ok(Some(Self { at, subject, request_id, old: Some(old), ..about }))
    }

    fn deleted_appointment(record: &'a ChangeRecord, told: &'a Item) -> Result<Self, StoreError> {
        Ok(Self {
            at: time(told, "created_at")?,
            subject: required(told, "updated_by")?,
            request_id: required(told, "request_id")?,
            ..Self::about(record, "appointment", required(told, "appointment_id")?, told)?
        })
    }

    /// A deletion by nobody, of which the rest is to be said.
    fn about(
        record: &'a ChangeRecord,
        kind: &'a str,
        record_id: &'a str,
        image: &'a Item,
    ) -> Result<Self, StoreError> {
        let org = required(image, "org")?.parse();
        let clinic_id = if kind == "clinic" { Some(record_id) } else { text(image, "clinic_id") };
        Ok(Self {
            event_id: &record.event_id,
            action: Action::Delete,
            kind,
            record_id,
            org: org.map_err(|error| StoreError::corrupt("change", error))?,
            clinic_id,
            at: record.at,
            subject: "",
            request_id: "",
            rev: None,
            changed: BTreeSet::new(),
            old: None,
            new: None,
        })
    }
}

fn required<'a>(item: &'a Item, name: &'static str) -> Result<&'a str, StoreError> {
    text(item, name)
        .ok_or_else(|| StoreError::corrupt("change", Cause::attribute(name, "is missing")))
}

fn time(item: &Item, name: &'static str) -> Result<Timestamp, StoreError> {
    required(item, name)?.parse().map_err(|error: jiff::Error| StoreError::corrupt("change", error))
}

fn rev(item: &Item) -> Result<u64, StoreError> {
    let rev = item.get("rev").and_then(|rev| rev.as_n().ok()?.parse().ok());
    rev.ok_or_else(|| StoreError::corrupt("change", "rev is missing"))
}

/// The names of what a move to another date changed.
fn moved_from(new: &Item) -> BTreeSet<&str> {
    let from = new.get("rescheduled_from").and_then(|from| from.as_m().ok());
    let differ = from.into_iter().flatten().filter(|(name, value)| new.get(*name) != Some(value));
    differ.map(|(name, _)| name.as_str()).chain(["date", "rescheduled_from"]).collect()
}

/// The names of the attributes that differ, but for those that every item has.
fn differing<'a>(old: &'a Item, new: &'a Item) -> BTreeSet<&'a str> {
    let names = old.keys().chain(new.keys()).map(String::as_str);
    let own = names.filter(|name| !OF_EVERY_ITEM.contains(name) && *name != "v");
    own.filter(|name| old.get(*name) != new.get(*name)).collect()
}
