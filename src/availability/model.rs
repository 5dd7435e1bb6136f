//! Free times of a clinic.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::id::StaffId;

/// A slot that can be booked, if nobody is faster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FreeSlot {
    /// The start.
    pub start: Timestamp,
    /// The staff member.
    pub staff_id: StaffId,
    /// The end.
    pub end: Timestamp,
}

/// The last slot of a page: the next page begins after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotPosition {
    /// The start of the slot.
    pub start: Timestamp,
    /// The staff member.
    pub staff_id: StaffId,
    /// The last day of the search. It stays the same when a search from today is continued after midnight.
    pub last: Date,
}
