//! One of those whom an appointment needs, and when they can't.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{DaySheet, Entry, SheetOwner, Slot};
use crate::{id::AppointmentId, time::Spans};

/// More than any entry takes: twelve hours with a buffer of two before and after.
const LONGEST: i64 = 16 * 3600;

/// Somebody or something that an appointment needs: what takes their time, and when they work.
#[derive(Debug, Clone)]
pub struct Party<'a> {
    /// Whose time it is.
    pub owner: &'a SheetOwner,
    /// What they need before a visit.
    pub before: SignedDuration,
    /// What they need after a visit.
    pub after: SignedDuration,
    /// When they work; `None` keeps to no hours.
    pub working: Option<&'a Spans>,
    /// What takes their time, by its start: one entry an appointment, whichever sheets it stands in.
    busy: Vec<(&'a AppointmentId, &'a Entry)>,
}

/// What stands in the way of a visit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// Nothing, but holds that are over.
    Free {
        /// The holds whose time it would take.
        lapsed: Vec<(&'a AppointmentId, &'a Entry)>,
    },
    /// A booking or a hold.
    Busy,
    /// It is not within their hours.
    OffHours,
}

impl<'a> Party<'a> {
    /// A party with nothing but what stands in their sheets; entries of `own` are no obstacle.
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

    /// The same, who needs so much before and after a visit.
    #[must_use]
    pub fn with_buffers(self, before: SignedDuration, after: SignedDuration) -> Self {
        Self { before, after, ..self }
    }

    /// The same, who works at these times alone.
    #[must_use]
    pub fn working(self, spans: &'a Spans) -> Self {
        Self { working: Some(spans), ..self }
    }

    /// What stands in the way of a visit. Bookings are passed over where it may be `overbooked`; live holds never.
    #[must_use]
    pub fn judge(&self, visit: &Slot, overbooked: bool, now: Timestamp) -> Verdict<'a> {
        let wanted = visit.widened(self.before, self.after).entry();
        let first = self.busy.partition_point(|(_, entry)| entry.start <= wanted.start - LONGEST);
        let near = self.busy[first..].iter().take_while(|(_, entry)| entry.start < wanted.end);
        let mut lapsed = Vec::new();
        for (id, entry) in near.filter(|(_, entry)| entry.overlaps(&wanted)) {
            if entry.has_lapsed(now) {
                lapsed.push((*id, *entry));
            } else if entry.hold.is_some() || !overbooked {
                return Verdict::Busy;
            }
        }
        let (start, end) = (visit.start.as_second(), visit.end.as_second());
        match self.working {
            Some(spans) if !spans.contain(start, end) => Verdict::OffHours,
            _ => Verdict::Free { lapsed },
        }
    }

    /// The starts of visits of `length` seconds that touch what takes their time, or the edges of their hours.
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
