//! The working time of a clinic's staff and resources on some days.

use super::sheets::SheetOwner;
use crate::time::{DatedHours, Spans, Wall, WeeklyHours, working_time};

/// Hours of some dates that differ from the weekly ones.
#[derive(Debug, Clone)]
pub struct SpecialHours {
    /// The staff member or the resource; `None` for the whole clinic.
    pub owner: Option<SheetOwner>,
    /// The dates and times.
    pub hours: DatedHours,
}

/// The opening hours of a clinic on some days, and the special hours of those days.
#[derive(Debug)]
pub struct Calendar<'a> {
    wall: &'a Wall,
    special: Vec<&'a SpecialHours>,
    /// All of the days.
    whole: Spans,
    /// The part of the days in which the clinic is open.
    open: Spans,
}

impl<'a> Calendar<'a> {
    /// The calendar of a clinic with these weekly opening hours.
    pub fn new(
        wall: &'a Wall,
        special: impl IntoIterator<Item = &'a SpecialHours>,
        opening: &[WeeklyHours],
    ) -> Self {
        let special = special.into_iter().collect();
        let closed = Self { wall, special, whole: wall.whole(), open: Spans::default() };
        Self { open: closed.spans(None, opening), ..closed }
    }

    /// The working time of a resource, or of a staff member with these weekly hours. `None` is always, as for patients.
    pub fn working(&self, owner: &SheetOwner, weekly: &[WeeklyHours]) -> Option<Spans> {
        let weekly = match owner {
            SheetOwner::Staff { .. } => weekly,
            SheetOwner::Resource { .. } => &[],
            SheetOwner::Patient { .. } => return None,
        };
        let working = self.spans(Some(owner), weekly).intersection(&self.open);
        (working != self.whole).then_some(working)
    }

    fn spans(&self, owner: Option<&SheetOwner>, weekly: &[WeeklyHours]) -> Spans {
        let special = self.special.iter().filter(|special| special.owner.as_ref() == owner);
        let dated: Vec<_> = special.map(|special| &special.hours).collect();
        working_time(self.wall, weekly, &dated)
    }
}
