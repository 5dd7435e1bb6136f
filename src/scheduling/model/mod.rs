//! The rules of scheduling, as pure code.

mod calendar;
mod claims;
mod decide;
mod party;
mod sheets;
#[cfg(test)]
mod tests;

pub use calendar::{Calendar, SpecialHours};
pub use claims::{Claim, Slot};
pub use decide::{Clash, Grid, NEAREST, decide, free_starts, nearest_free};
pub use party::{Obstacle, Party};
pub use sheets::{CLOCK_SKEW, DaySheet, Entry, MAX_ENTRIES, SheetOwner};
