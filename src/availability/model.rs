//! Free slots of a clinic.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::id::StaffId;

/// A slot that can be booked, unless another booking is faster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FreeSlot {
    /// The start.
    pub start: Timestamp,
    /// The staff member.
    pub staff_id: StaffId,
    /// The end.
    pub end: Timestamp,
}

/// The last slot of a page. The next page begins after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotPosition {
    /// The start of the slot.
    pub start: Timestamp,
    /// The staff member.
    pub staff_id: StaffId,
    /// The last day of the search. It does not move if a search from today continues after
    /// midnight.
    pub last: Date,
}
