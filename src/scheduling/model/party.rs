//! A party of an appointment: a staff member, a resource or a patient, and the times at which they are free.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{
    claims::Slot,
    sheets::{DaySheet, Entry, HoldMark, SheetOwner},
};
use crate::{id::AppointmentId, time::Spans};

/// More than any entry takes: twelve hours with a buffer of two before and after.
const LONGEST: i64 = 16 * 3600;

/// One of those whom an appointment needs.
#[derive(Debug, Clone)]
pub struct Party<'a> {
    /// The owner of the time.
    pub owner: &'a SheetOwner,
    /// The buffer before a visit.
    pub before: SignedDuration,
    /// The buffer after a visit.
    pub after: SignedDuration,
    /// The working time; `None` is always.
    pub working: Option<&'a Spans>,
    /// The time that is taken, by its start: one entry an appointment, also if several sheets have it.
    pub busy: Vec<(&'a AppointmentId, &'a Entry)>,
}

/// The reason why a visit does not fit with a party.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// An appointment or a hold takes their time.
    Busy,
    /// It lies outside of their working time.
    OffHours,
}

impl<'a> Party<'a> {
    /// A party without buffers who always works. Entries of `own` do not count as taken.
    pub fn new(
        owner: &'a SheetOwner,
        sheets: impl IntoIterator<Item = &'a DaySheet>,
        own: Option<&AppointmentId>,
    ) -> Self {
        let mut busy = BTreeMap::new();
        for (id, entry) in sheets.into_iter().flat_map(|sheet| &sheet.entries) {
            if Some(id) != own {
                busy.insert((entry.start, id), entry);
            }
        }
        let busy = busy.into_iter().map(|((_, id), entry)| (id, entry)).collect();
        let none = SignedDuration::ZERO;
        Self { owner, before: none, after: none, working: None, busy }
    }

    /// The lapsed holds whose time a visit would take, if it fits. If it is `overbooked`, only live holds are in its way.
    pub fn check(
        &self,
        visit: &Slot,
        overbooked: bool,
        now: Timestamp,
    ) -> Result<Vec<(&'a AppointmentId, &'a HoldMark)>, Obstacle> {
        let wanted = visit.widened(self.before, self.after).entry();
        let first = self.busy.partition_point(|(_, entry)| entry.start <= wanted.start - LONGEST);
        let near = self.busy[first..].iter().take_while(|(_, entry)| entry.start < wanted.end);
        let mut lapsed = Vec::new();
        for (id, entry) in near.filter(|(_, entry)| entry.overlaps(&wanted)) {
            match &entry.hold {
                Some(hold) if entry.has_lapsed(now) => lapsed.push((*id, hold)),
                None if overbooked => {}
                _ => return Err(Obstacle::Busy),
            }
        }
        let (start, end) = (visit.start.as_second(), visit.end.as_second());
        match self.working {
            Some(spans) if !spans.contain(start, end) => Err(Obstacle::OffHours),
            _ => Ok(lapsed),
        }
    }

    /// The starts of visits of `length` seconds that touch a taken time or an edge of the working time.
    pub(super) fn edges(&self, length: i64) -> impl Iterator<Item = i64> {
        let (before, after) = (self.before.as_secs(), self.after.as_secs());
        let beside = self
            .busy
            .iter()
            .flat_map(move |(_, entry)| [entry.start - after - length, entry.end + before]);
        let hours = self.working.into_iter().flat_map(Spans::iter);
        beside.chain(hours.flat_map(move |(from, to)| [from, to - length]))
    }
}
