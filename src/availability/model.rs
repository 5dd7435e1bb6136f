//! What is free at a clinic.

use jiff::Timestamp;

use crate::{id::StaffId, time::Zone};

/// What is free.
#[derive(Debug)]
pub struct Availability {
    /// The clinic's time zone.
    pub zone: Zone,
    /// The free slots, by their start.
    pub slots: Vec<FreeSlot>,
}

/// A time that can be booked, if nobody is faster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FreeSlot {
    /// When it begins.
    pub start: Timestamp,
    /// When it ends.
    pub end: Timestamp,
    /// With which staff member.
    pub staff_id: StaffId,
}
