//! Claims: the time that an appointment takes from each owner of a day sheet.

use jiff::{SignedDuration, Timestamp, civil::Date};

use super::sheets::{Entry, SheetOwner};
use crate::time::utc_dates;

/// A span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// The start.
    pub start: Timestamp,
    /// The end (exclusive).
    pub end: Timestamp,
}

impl Slot {
    /// Returns the slot that begins at `start` and lasts `length`.
    pub fn new(start: Timestamp, length: SignedDuration) -> Self {
        Self { start, end: start.saturating_add(length).unwrap_or(Timestamp::MAX) }
    }

    /// Returns the UTC days whose sheets have an entry for it.
    pub fn utc_dates(&self) -> Vec<Date> {
        utc_dates(self.start, self.end)
    }

    /// Returns the slot as an entry that is not a hold and not overbooked.
    pub fn entry(&self) -> Entry {
        let (start, end) = (self.start.as_second(), self.end.as_second());
        Entry { start, end, hold_expires_at: None, clinic_id: None, overbooked: false }
    }

    /// Returns the slot with buffers before and after it.
    #[must_use]
    pub fn widened(&self, before: SignedDuration, after: SignedDuration) -> Self {
        Self {
            start: self.start.saturating_sub(before).unwrap_or(Timestamp::MIN),
            end: self.end.saturating_add(after).unwrap_or(Timestamp::MAX),
        }
    }
}

/// The time that an appointment takes from one owner, including buffers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The owner.
    pub owner: SheetOwner,
    /// The time.
    pub slot: Slot,
}

impl Claim {
    /// Returns the sheets that have an entry for it.
    pub fn sheets(&self) -> impl Iterator<Item = (&SheetOwner, Date)> {
        self.slot.utc_dates().into_iter().map(|date| (&self.owner, date))
    }
}
