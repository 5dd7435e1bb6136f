//! A party of an appointment: a staff member, a resource or a patient, with their free time.

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

/// The maximum length of an entry in seconds: twelve hours, and buffers of two hours before and
/// after.
const LONGEST: i64 = 16 * 3600;

/// A staff member, a resource or a patient of an appointment.
#[derive(Debug, Clone)]
pub struct Party<'a> {
    /// The owner of the day sheets.
    pub owner: &'a SheetOwner,
    /// The buffer before a visit.
    pub before: SignedDuration,
    /// The buffer after a visit.
    pub after: SignedDuration,
    /// The working time. `None` means always.
    pub working: Option<&'a Spans>,
    /// The busy intervals by start. An appointment has one entry here, even if several sheets
    /// contain it.
    pub busy: Vec<(&'a AppointmentId, &'a Entry)>,
}

/// The reason why a visit does not fit a party.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// An appointment takes the time.
    Busy,
    /// Only holds take the time. The last of them ends at this instant.
    Held(Timestamp),
    /// A day sheet has the maximum number of entries.
    Full,
    /// The visit lies outside the party's working time.
    OffHours,
    /// The visit lies outside the clinic's opening hours.
    Closed,
}

impl<'a> Party<'a> {
    /// Returns a party without buffers that always works. Entries of the appointment `own` do not
    /// count as busy.
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

    /// Checks whether a visit fits, and returns the lapsed holds whose time it takes. Among the
    /// entries, only active holds block an `overbooked` visit.
    pub fn check(
        &self,
        visit: &Slot,
        overbooked: bool,
        now: Timestamp,
    ) -> Result<Vec<(&'a AppointmentId, &'a Entry)>, Obstacle> {
        let wanted = visit.widened(self.before, self.after);
        let (mut lapsed, mut held_until) = (Vec::new(), None);
        for (id, entry) in self.within(&wanted) {
            match entry.lapses_at() {
                Some(_) if entry.has_lapsed(now) => lapsed.push((id, entry)),
                Some(at) => held_until = held_until.max(Some(at)),
                None if overbooked => {}
                None => return Err(Obstacle::Busy),
            }
        }
        if let Some(until) = held_until {
            return Err(Obstacle::Held(Timestamp::from_second(until).unwrap_or(Timestamp::MAX)));
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

    /// Returns the entries that overlap the slot.
    fn within(&self, slot: &Slot) -> impl Iterator<Item = (&'a AppointmentId, &'a Entry)> {
        let slot = slot.entry();
        let first = self.busy.partition_point(|(_, entry)| entry.start <= slot.start - LONGEST);
        let near = self.busy[first..].iter().copied();
        near.take_while(move |(_, entry)| entry.start < slot.end)
            .filter(move |(_, entry)| slot.start < entry.end)
    }

    /// Returns whether the sheet of one of the slot's days is full.
    fn is_full(&self, slot: &Slot, now: Timestamp) -> bool {
        let is_full = |date: &Date| {
            let day = Slot::new(utc_midnight(*date), SignedDuration::from_hours(24));
            let entries = self.within(&day).filter(|(_, entry)| !entry.has_lapsed(now));
            entries.count() >= MAX_ENTRIES
        };
        // Most parties have fewer entries in total, so no day needs to be counted.
        self.busy.len() >= MAX_ENTRIES && slot.utc_dates().iter().any(is_full)
    }

    /// Returns the starts of visits of `length` seconds that touch a busy interval or an edge of
    /// the working time.
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
