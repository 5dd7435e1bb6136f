//! The pure rules of what fits where: day sheets, overlap, and the nearest starts that are free.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    id::{AppointmentId, ClinicId, PatientId, StaffId},
    time::{utc_dates, utc_midnight},
};

/// How many free starts a refusal names at most.
const NEAREST: usize = 3;

/// Whose day it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SheetOwner {
    /// A staff member's, at their clinic.
    Staff {
        /// The clinic.
        clinic_id: ClinicId,
        /// The staff member.
        staff_id: StaffId,
    },
    /// A patient's, at whatever clinic.
    Patient {
        /// The patient.
        patient_id: PatientId,
    },
}

/// What occupies one UTC day of a staff member or a patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaySheet {
    /// Whose day it is.
    #[serde(flatten)]
    pub owner: SheetOwner,
    /// The UTC day.
    pub utc_date: Date,
    /// What occupies it, by appointment.
    pub entries: BTreeMap<AppointmentId, Entry>,
}

/// What one appointment occupies, in epoch seconds; `end` is no longer part of it. An appointment over UTC
/// midnight stands whole in both days' sheets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it begins.
    pub start: i64,
    /// When it ends.
    pub end: i64,
}

/// A span of time that somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// When it begins.
    pub start: Timestamp,
    /// When it ends; that instant is no longer part of it.
    pub end: Timestamp,
}

impl Slot {
    /// The UTC days whose sheets it stands in.
    #[must_use]
    pub fn utc_dates(&self) -> Vec<Date> {
        utc_dates(self.start, self.end)
    }

    /// The slot as an entry.
    #[must_use]
    pub fn entry(&self) -> Entry {
        Entry { start: self.start.as_second(), end: self.end.as_second() }
    }
}

impl Entry {
    /// Whether two spans have an instant in common.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

impl DaySheet {
    /// A day with nothing in it.
    #[must_use]
    pub fn empty(owner: SheetOwner, utc_date: Date) -> Self {
        Self { owner, utc_date, entries: BTreeMap::new() }
    }

    fn is_free(&self, wanted: &Entry) -> bool {
        !self.entries.values().any(|entry| entry.overlaps(wanted))
    }
}

/// Who is taken at the wanted time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Busy {
    /// The staff member.
    Staff,
    /// The patient, at this clinic or another.
    Patient,
}

/// The wanted time is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// Who is taken; the staff member, if both are.
    pub busy: Busy,
    /// The free starts nearest to the wanted one, in order of time, as far as the days read tell; maybe none.
    pub nearest_free: Vec<Timestamp>,
}

/// Decides whether a slot is free on all sheets of the days that it touches.
///
/// # Errors
/// [`Clash`] if it is not.
pub fn decide<'a>(
    sheets: impl IntoIterator<Item = &'a DaySheet>,
    wanted: &Slot,
    now: Timestamp,
) -> Result<(), Clash> {
    let sheets: Vec<_> = sheets.into_iter().collect();
    let entry = wanted.entry();
    let taken = |of_staff: bool| {
        let owned =
            |sheet: &&&DaySheet| matches!(sheet.owner, SheetOwner::Staff { .. }) == of_staff;
        sheets.iter().filter(owned).any(|sheet| !sheet.is_free(&entry))
    };
    let busy = match (taken(true), taken(false)) {
        (false, false) => return Ok(()),
        (true, _) => Busy::Staff,
        (false, true) => Busy::Patient,
    };
    Err(Clash { busy, nearest_free: nearest_free(&sheets, wanted, now) })
}

/// The starts nearest to the wanted one at which all of `sheets` are free. Such a start either ends where an
/// entry begins or begins where one ends, so no others are tried.
fn nearest_free(sheets: &[&DaySheet], wanted: &Slot, now: Timestamp) -> Vec<Timestamp> {
    let length = wanted.end.duration_since(wanted.start);
    let days = wanted.utc_dates();
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        return Vec::new();
    };
    let opens = utc_midnight(*first).max(now);
    let closes = utc_midnight(last.tomorrow().unwrap_or(*last));
    let edges = sheets.iter().flat_map(|sheet| sheet.entries.values()).flat_map(|entry| {
        let before = entry.start.saturating_sub(length.as_secs());
        [before, entry.end]
    });
    let fits = |start: &Timestamp| {
        let slot =
            Slot { start: *start, end: start.saturating_add(length).unwrap_or(Timestamp::MAX) };
        *start >= opens
            && slot.end <= closes
            && sheets.iter().all(|sheet| sheet.is_free(&slot.entry()))
    };
    let mut starts: Vec<_> =
        edges.filter_map(|edge| Timestamp::from_second(edge).ok()).filter(fits).collect();
    let distance = |start: &Timestamp| (start.duration_since(wanted.start).abs(), *start);
    starts.sort_by_key(distance);
    starts.dedup();
    starts.truncate(NEAREST);
    starts.sort();
    starts
}

/// Whether anything on a sheet ends after `now`.
#[must_use]
pub fn has_future_entry(sheet: &DaySheet, now: Timestamp) -> bool {
    sheet.entries.values().any(|entry| entry.end > now.as_second())
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 1_800_057_600; // 2027-01-16T00:00:00Z

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(DAY + minute * 60).unwrap()
    }

    fn slot(from: i64, minutes: i64) -> Slot {
        Slot { start: at(from), end: at(from + minutes) }
    }

    fn staff() -> SheetOwner {
        SheetOwner::Staff { clinic_id: ClinicId::random(), staff_id: StaffId::random() }
    }

    fn patient() -> SheetOwner {
        SheetOwner::Patient { patient_id: PatientId::random() }
    }

    fn sheet(owner: SheetOwner, taken: &[(i64, i64)]) -> DaySheet {
        let date = crate::time::utc_date(at(0));
        let mut sheet = DaySheet::empty(owner, date);
        for (from, minutes) in taken {
            sheet.entries.insert(AppointmentId::random_on(date), slot(*from, *minutes).entry());
        }
        sheet
    }

    #[test]
    fn what_touches_does_not_overlap() {
        let taken = sheet(staff(), &[(600, 30)]);
        assert_eq!(decide([&taken], &slot(570, 30), at(0)), Ok(()));
        assert_eq!(decide([&taken], &slot(630, 30), at(0)), Ok(()));
        assert!(decide([&taken], &slot(629, 30), at(0)).is_err());
        assert!(decide([&taken], &slot(571, 30), at(0)).is_err());
        assert!(decide([&taken], &slot(610, 5), at(0)).is_err());
        assert!(decide([&taken], &slot(500, 300), at(0)).is_err());
    }

    #[test]
    fn the_staff_member_is_named_before_the_patient() {
        let (of_staff, of_patient) = (sheet(staff(), &[(600, 30)]), sheet(patient(), &[(600, 30)]));
        let busy = |sheets: &[&DaySheet]| {
            decide(sheets.iter().copied(), &slot(600, 30), at(0)).unwrap_err().busy
        };
        assert_eq!(busy(&[&of_staff, &of_patient]), Busy::Staff);
        assert_eq!(busy(&[&sheet(staff(), &[]), &of_patient]), Busy::Patient);
    }

    #[test]
    fn nearest_starts_are_the_three_closest_in_order_of_time() {
        let taken = sheet(staff(), &[(600, 30), (660, 30)]);
        let clash = decide([&taken], &slot(610, 30), at(0)).unwrap_err();
        assert_eq!(clash.nearest_free, [at(570), at(630), at(690)]);
    }

    #[test]
    fn a_full_day_has_no_nearest_start() {
        let taken = sheet(staff(), &[(0, 1440)]);
        assert_eq!(decide([&taken], &slot(600, 30), at(0)).unwrap_err().nearest_free, []);
    }

    fn spans() -> impl Strategy<Value = Vec<(i64, i64)>> {
        prop::collection::vec((0_i64..1400, 5_i64..120), 0..12)
    }

    proptest! {
        #[test]
        fn a_slot_is_accepted_exactly_if_no_minute_of_it_is_taken(
            taken in spans(), others in spans(), from in 0_i64..1320, minutes in 5_i64..120,
        ) {
            let (of_staff, of_patient) = (sheet(staff(), &taken), sheet(patient(), &others));
            let busy = |minute: i64| {
                taken.iter().chain(&others).any(|(from, length)| (*from..from + length).contains(&minute))
            };
            let free = !(from..from + minutes).any(busy);
            let decided = decide([&of_staff, &of_patient], &slot(from, minutes), at(0));
            prop_assert_eq!(decided.is_ok(), free);
        }

        #[test]
        fn every_start_that_a_refusal_names_can_be_had_and_none_is_nearer(
            taken in spans(), others in spans(), from in 0_i64..1320, minutes in 5_i64..120, now in 0_i64..1440,
        ) {
            let (of_staff, of_patient) = (sheet(staff(), &taken), sheet(patient(), &others));
            let sheets = [&of_staff, &of_patient];
            if let Err(clash) = decide(sheets, &slot(from, minutes), at(now)) {
                let length = SignedDuration::from_mins(minutes);
                for start in &clash.nearest_free {
                    prop_assert!(*start >= at(now));
                    let named = Slot { start: *start, end: *start + length };
                    prop_assert_eq!(decide(sheets, &named, at(now)), Ok(()));
                }
                let farthest = clash.nearest_free.iter().map(|s| s.duration_since(at(from)).abs()).max();
                let free = (now..=1440 - minutes)
                    .filter(|start| decide(sheets, &slot(*start, minutes), at(now)).is_ok());
                for start in free {
                    // Minutes behind an edge are no better than the edge.
                    let edge = decide(sheets, &slot(start - 1, minutes), at(now)).is_err()
                        || decide(sheets, &slot(start + 1, minutes), at(now)).is_err();
                    let distance = at(start).duration_since(at(from)).abs();
                    let better = farthest.is_none_or(|farthest| distance < farthest);
                    let named = clash.nearest_free.contains(&at(start));
                    prop_assert!(!(edge && better && start > now) || named || start + minutes == 1440, "{start}");
                }
            }
        }
    }
}
