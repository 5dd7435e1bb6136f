//! The pure rules of scheduling.

mod calendar;
mod claims;
mod decide;
mod party;
mod sheets;
#[cfg(test)]
mod tests;

pub use calendar::{Calendar, SpecialHours};
pub use claims::{Claim, Slot};
pub use decide::{Clash, Grid, decide, free_starts};
pub use party::{Obstacle, Party};
pub use sheets::{CLOCK_SKEW, DaySheet, Entry, MAX_ENTRIES, SheetOwner};
