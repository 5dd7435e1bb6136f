//! What is free: all starts of a visit that would be taken if it were booked.

use jiff::{SignedDuration, Timestamp};

use super::{Party, Slot, all_free};
use crate::time::{Spans, Wall};

/// The starts that are looked at.
#[derive(Debug, Clone, Copy)]
pub struct Grid<'a> {
    /// The days, on the clinic's wall.
    pub wall: &'a Wall,
    /// How long a visit takes.
    pub length: SignedDuration,
    /// From one start on the wall to the next, since midnight.
    pub step: SignedDuration,
    /// No start is before that.
    pub earliest: Timestamp,
    /// No start is at that or after it.
    pub end: Timestamp,
}

/// The starts at which all parties are free, of those that a grid has within `working`, in order.
pub fn free_starts<'a>(
    parties: &'a [Party<'a>],
    working: &'a Spans,
    grid: Grid<'a>,
    now: Timestamp,
) -> impl Iterator<Item = Timestamp> + 'a {
    let (length, step) = (grid.length.as_secs(), grid.step.as_secs());
    let (earliest, end) = (grid.earliest.as_second(), grid.end.as_second());
    let spans =
        working.iter().map(move |(from, to)| (from.max(earliest), (to - length + 1).min(end)));
    let starts = spans.flat_map(move |(from, to)| grid.wall.grid(from, to, step));
    let visits = starts.filter_map(move |start| {
        let start = Timestamp::from_second(start).ok()?;
        Some(Slot { start, end: start.saturating_add(grid.length).ok()? })
    });
    visits.filter(move |visit| all_free(parties, visit, now)).map(|visit| visit.start)
}
