//! The working time of a clinic's staff and resources on some days.

use super::{claims::Slot, sheets::SheetOwner};
use crate::time::{DatedHours, Spans, Wall, WeeklyHours, working_time};

/// The hours of an exception: dates that differ from the weekly hours.
#[derive(Debug, Clone)]
pub struct SpecialHours {
    /// The staff member or the resource. `None` for the whole clinic.
    pub owner: Option<SheetOwner>,
    /// The dates and times.
    pub hours: DatedHours,
}

/// The opening hours of a clinic on some days, and the special hours of those days.
#[derive(Debug)]
pub struct Calendar<'a> {
    wall: &'a Wall,
    special: Vec<&'a SpecialHours>,
    /// The whole time of the days.
    whole: Spans,
    /// The time at which the clinic is open.
    open: Spans,
}

impl<'a> Calendar<'a> {
    /// Returns the calendar of a clinic with these weekly opening hours. `None` means always open.
    pub fn new(
        wall: &'a Wall,
        special: impl IntoIterator<Item = &'a SpecialHours>,
        opening: Option<&[WeeklyHours]>,
    ) -> Self {
        let special = special.into_iter().collect();
        let closed = Self { wall, special, whole: wall.whole(), open: Spans::default() };
        Self { open: closed.spans(None, opening), ..closed }
    }

    /// Returns the working time of a resource, or of a staff member with these weekly hours. `None`
    /// means always, as for patients.
    pub fn working(&self, owner: &SheetOwner, weekly: Option<&[WeeklyHours]>) -> Option<Spans> {
        let weekly = match owner {
            SheetOwner::Staff { .. } => weekly,
            SheetOwner::Resource { .. } => None,
            SheetOwner::Patient { .. } => return None,
        };
        let working = self.spans(Some(owner), weekly).intersection(&self.open);
        (working != self.whole).then_some(working)
    }

    /// Returns whether the clinic is open during a whole visit.
    pub fn is_open(&self, visit: &Slot) -> bool {
        self.open.contain(visit.start.as_second(), visit.end.as_second())
    }

    fn spans(&self, owner: Option<&SheetOwner>, weekly: Option<&[WeeklyHours]>) -> Spans {
        let special = self.special.iter().filter(|special| special.owner.as_ref() == owner);
        let dated: Vec<_> = special.map(|special| &special.hours).collect();
        working_time(self.wall, weekly, &dated)
    }
}
