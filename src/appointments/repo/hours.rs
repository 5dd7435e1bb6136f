//! When those work whom a visit needs.

use std::collections::HashMap;

use crate::{
    exceptions::model::Exception,
    schedule::model::SheetOwner,
    time::{Spans, Wall, WeeklyHours, working_time},
};

/// The days in question and their exceptions; without them, no hours are kept.
#[derive(Debug, Default)]
pub struct Hours {
    wall: Option<Wall>,
    exceptions: Vec<Exception>,
}

impl Hours {
    /// The hours of the days of a wall, with the exceptions of those days.
    #[must_use]
    pub fn new(wall: Wall, exceptions: Vec<Exception>) -> Self {
        Self { wall: Some(wall), exceptions }
    }

    /// The same at a clinic with these weekly hours.
    #[must_use]
    pub fn opening(&self, weekly: &[WeeklyHours]) -> OpenHours<'_> {
        let days = self
            .wall
            .as_ref()
            .map(|wall| (wall, wall.whole(), self.spans(wall, weekly, Exception::is_of_clinic)));
        OpenHours { hours: self, days }
    }

    fn of(&self, wall: &Wall, owner: &SheetOwner, working: &[WeeklyHours]) -> Option<Spans> {
        match owner {
            SheetOwner::Staff { staff_id, .. } => {
                Some(self.spans(wall, working, |exception| exception.is_of_staff(staff_id)))
            }
            SheetOwner::Resource { resource_id, .. } => {
                Some(self.spans(wall, &[], |exception| exception.is_of_resource(resource_id)))
            }
            SheetOwner::Patient { .. } => None,
        }
    }

    fn spans(
        &self,
        wall: &Wall,
        weekly: &[WeeklyHours],
        is_theirs: impl Fn(&Exception) -> bool,
    ) -> Spans {
        let theirs = self.exceptions.iter().filter(|exception| is_theirs(exception));
        let dated: Vec<_> = theirs.map(|exception| &exception.hours).collect();
        working_time(wall, weekly, &dated)
    }
}

/// When a clinic is open on the days in question.
#[derive(Debug)]
pub struct OpenHours<'a> {
    hours: &'a Hours,
    /// The days, all of them, and what of them it is open.
    days: Option<(&'a Wall, Spans, Spans)>,
}

impl OpenHours<'_> {
    /// When each of them works there, by the weekly hours of the staff member, but of those who always do; patients keep to
    /// no hours.
    pub fn of_all<'b>(
        &self,
        owners: impl Iterator<Item = &'b SheetOwner>,
        working: &[WeeklyHours],
    ) -> HashMap<SheetOwner, Spans> {
        let Some((wall, whole, open)) = &self.days else {
            return HashMap::new();
        };
        let spans = owners.filter_map(|owner| {
            let own = self.hours.of(wall, owner, working)?.intersection(open);
            (own != *whole).then(|| (owner.clone(), own))
        });
        spans.collect()
    }
}
