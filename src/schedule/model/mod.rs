//! The pure rules of what fits where: day sheets, spans of time, and what is free.

mod decide;
mod party;
mod slots;

use std::collections::BTreeMap;

pub use decide::{Clash, Obstacle, Question, all_free, decide};
use jiff::{SignedDuration, Timestamp, civil::Date};
pub use party::{Party, Verdict};
use serde::{Deserialize, Serialize};
pub use slots::{Grid, free_starts};

use crate::{
    id::{AppointmentId, ClinicId, PatientId, ResourceId, StaffId},
    time::utc_dates,
};

/// How long after its expiry others may take a hold's time: no clock of a server is further off.
pub const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(5);

/// Whose day it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SheetOwner {
    /// A staff member's, at their clinic.
    Staff {
        /// The clinic.
        clinic_id: ClinicId,
        /// The staff member.
        staff_id: StaffId,
    },
    /// A room's or a piece of equipment's, at its clinic.
    Resource {
        /// The clinic.
        clinic_id: ClinicId,
        /// The resource.
        resource_id: ResourceId,
    },
    /// A patient's, at whatever clinic.
    Patient {
        /// The patient.
        patient_id: PatientId,
    },
}

impl SheetOwner {
    /// Those at a clinic whose time a visit takes: its staff member first, then its resources.
    pub fn at_clinic<'a>(
        clinic_id: &'a ClinicId,
        staff_id: &StaffId,
        resource_ids: &'a [ResourceId],
    ) -> impl Iterator<Item = Self> + use<'a> {
        let staff = Self::Staff { clinic_id: clinic_id.clone(), staff_id: staff_id.clone() };
        let resources = resource_ids.iter().map(|resource_id| Self::Resource {
            clinic_id: clinic_id.clone(),
            resource_id: resource_id.clone(),
        });
        [staff].into_iter().chain(resources)
    }
}

/// What occupies one UTC day of a staff member, a resource or a patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaySheet {
    /// Whose day it is.
    #[serde(flatten)]
    pub owner: SheetOwner,
    /// The UTC day.
    pub utc_date: Date,
    /// What occupies it, by appointment.
    pub entries: BTreeMap<AppointmentId, Entry>,
}

/// What one appointment occupies, in epoch seconds; `end` is no longer part of it. An appointment over UTC
/// midnight stands whole in both days' sheets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it begins.
    pub start: i64,
    /// When it ends.
    pub end: i64,
    /// What is held only, until when, and where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<HoldMark>,
    /// Whether it was booked over others.
    #[serde(default, skip_serializing_if = "is_false")]
    pub overbooked: bool,
}

/// What an entry says of a hold, so that whoever finds it expired can find the hold itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldMark {
    /// When it expires, in epoch seconds.
    pub expires_at: i64,
    /// The clinic that it is at.
    pub clinic_id: ClinicId,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// A span of time that somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// When it begins.
    pub start: Timestamp,
    /// When it ends; that instant is no longer part of it.
    pub end: Timestamp,
}

impl Slot {
    /// The UTC days whose sheets it stands in.
    #[must_use]
    pub fn utc_dates(&self) -> Vec<Date> {
        utc_dates(self.start, self.end)
    }

    /// The slot as an ordinary entry.
    #[must_use]
    pub fn entry(&self) -> Entry {
        let (start, end) = (self.start.as_second(), self.end.as_second());
        Entry { start, end, hold: None, overbooked: false }
    }

    /// The slot with so much more before and after it.
    #[must_use]
    pub fn widened(&self, before: SignedDuration, after: SignedDuration) -> Self {
        Self {
            start: self.start.saturating_sub(before).unwrap_or(Timestamp::MIN),
            end: self.end.saturating_add(after).unwrap_or(Timestamp::MAX),
        }
    }
}

impl Entry {
    /// Whether two spans have an instant in common.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Whether it is a hold that ended so long ago that its time may be taken.
    #[must_use]
    pub fn has_lapsed(&self, now: Timestamp) -> bool {
        let lapsed = |hold: &HoldMark| hold.expires_at + CLOCK_SKEW.as_secs() < now.as_second();
        self.hold.as_ref().is_some_and(lapsed)
    }
}

impl DaySheet {
    /// A day with nothing in it.
    #[must_use]
    pub fn empty(owner: SheetOwner, utc_date: Date) -> Self {
        Self { owner, utc_date, entries: BTreeMap::new() }
    }
}

/// What an appointment takes of somebody or something: its time, with what it needs before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Of whom.
    pub owner: SheetOwner,
    /// Which time.
    pub slot: Slot,
}

impl Claim {
    /// The sheets that it stands in.
    pub fn sheets(&self) -> impl Iterator<Item = (&SheetOwner, Date)> {
        self.slot.utc_dates().into_iter().map(|date| (&self.owner, date))
    }
}

/// Whether anything on a sheet ends after `now`, but holds that are over.
#[must_use]
pub fn has_future_entry(sheet: &DaySheet, now: Timestamp) -> bool {
    sheet.entries.values().any(|entry| entry.end > now.as_second() && !entry.has_lapsed(now))
}
