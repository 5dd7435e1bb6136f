//! A party of an appointment: a staff member, a resource or a patient, and the times at which they are free.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, civil::Date};

use super::{
    claims::Slot,
    sheets::{DaySheet, Entry, MAX_ENTRIES, SheetOwner},
};
use crate::{
    id::AppointmentId,
    time::{Spans, utc_midnight},
};

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
    /// A day sheet has as many entries as it may have.
    Full,
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
    ) -> Result<Vec<(&'a AppointmentId, &'a Entry)>, Obstacle> {
        let wanted = visit.widened(self.before, self.after);
        let mut lapsed = Vec::new();
        for (id, entry) in self.within(&wanted) {
            match entry.hold_expires_at {
                Some(_) if entry.has_lapsed(now) => lapsed.push((id, entry)),
                None if overbooked => {}
                _ => return Err(Obstacle::Busy),
            }
        }
        if self.is_full(&wanted, now) {
            return Err(Obstacle::Full);
        }
        let (start, end) = (visit.start.as_second(), visit.end.as_second());
        match self.working {
            Some(spans) if !spans.contain(start, end) => Err(Obstacle::OffHours),
            _ => Ok(lapsed),
        }
    }

    /// The entries that have an instant of the slot.
    fn within(&self, slot: &Slot) -> impl Iterator<Item = (&'a AppointmentId, &'a Entry)> {
        let slot = slot.entry();
        let first = self.busy.partition_point(|(_, entry)| entry.start <= slot.start - LONGEST);
        let near = self.busy[first..].iter().copied();
        near.take_while(move |(_, entry)| entry.start < slot.end)
            .filter(move |(_, entry)| slot.start < entry.end)
    }

    /// Whether a sheet of the slot's days takes no entry more.
    fn is_full(&self, slot: &Slot, now: Timestamp) -> bool {
        let is_full = |date: &Date| {
            let day = Slot::new(utc_midnight(*date), SignedDuration::from_hours(24));
            let entries = self.within(&day).filter(|(_, entry)| !entry.has_lapsed(now));
            entries.count() >= MAX_ENTRIES
        };
        // Most parties have fewer entries in all, so that no day needs to be counted.
        self.busy.len() >= MAX_ENTRIES && slot.utc_dates().iter().any(is_full)
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
