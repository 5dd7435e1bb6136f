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

    /// When each of them works, by the weekly hours of clinic and staff member, but of those who always do; patients
    /// keep to no hours.
    pub fn of_all<'a>(
        &self,
        owners: impl Iterator<Item = &'a SheetOwner>,
        (opening, working): (&[WeeklyHours], &[WeeklyHours]),
    ) -> HashMap<SheetOwner, Spans> {
        let Some(wall) = &self.wall else {
            return HashMap::new();
        };
        let whole = wall.whole();
        let open = self.spans(wall, opening, Exception::is_of_clinic);
        let spans = owners.filter_map(|owner| {
            let own = self.of(wall, owner, working)?;
            let own = own.intersection(&open);
            (own != whole).then(|| (owner.clone(), own))
        });
        spans.collect()
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
