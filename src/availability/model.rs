//! What is free at a clinic.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{id::StaffId, time::Zone};

/// A page of what is free.
#[derive(Debug)]
pub struct Availability {
    /// The clinic's time zone.
    pub zone: Zone,
    /// The free slots, by their start, then by staff member.
    pub slots: Vec<FreeSlot>,
    /// Where the next page begins, if there may be one.
    pub next: Option<SlotPosition>,
}

/// A time that can be booked, if nobody is faster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FreeSlot {
    /// When it begins.
    pub start: Timestamp,
    /// With which staff member.
    pub staff_id: StaffId,
    /// When it ends.
    pub end: Timestamp,
}

/// The last slot of a page: the next page begins after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotPosition {
    /// When the slot begins.
    pub start: Timestamp,
    /// With which staff member.
    pub staff_id: StaffId,
    /// The last day of the search. It stays the same when a search from today is continued after midnight.
    pub last: Date,
}
