//! The visits of a clinic, and the status changes of their appointments.

use jiff::{SignedDuration, Span, Timestamp, civil::Time};
use rand::{
    Rng,
    seq::{SliceRandom as _, index},
};

use super::plan::{Plan, VISITS_A_DAY, WORKDAYS, is_workday};
use crate::{
    appointments::model::Status,
    time::{WeeklyHours, Zone},
};

/// The start times of visits in the clinic's local time. Each visit ends before the next one can
/// begin.
#[rustfmt::skip]
pub const START_TIMES: [Time; 16] = [
    at(8, 0), at(8, 30), at(9, 0), at(9, 30), at(10, 0), at(10, 30), at(11, 0), at(11, 30),
    at(13, 0), at(13, 30), at(14, 0), at(14, 30), at(15, 0), at(15, 30), at(16, 0), at(16, 30),
];

const fn at(hour: i8, minute: i8) -> Time {
    Time::constant(hour, minute, 0, 0)
}

pub(super) fn opening_hours() -> Vec<WeeklyHours> {
    hours(&[(at(7, 0), at(19, 0))])
}

pub(super) fn working_hours() -> Vec<WeeklyHours> {
    hours(&[(at(8, 0), at(12, 0)), (at(13, 0), at(17, 0))])
}

fn hours(spans: &[(Time, Time)]) -> Vec<WeeklyHours> {
    let of_day = |weekday| spans.iter().map(move |&(from, to)| WeeklyHours { weekday, from, to });
    WORKDAYS.into_iter().flat_map(of_day).collect()
}

/// A visit of a patient to a staff member, both by their number at the clinic.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visit {
    pub(super) staff: usize,
    pub(super) patient: usize,
    pub(super) start: Timestamp,
}

/// Returns the visits of a clinic, day by day. Patients take turns, so none has two visits at once:
/// a clinic has at least as many patients as staff members.
pub(super) fn visits(plan: &Plan, zone: &Zone, chance: &mut impl Rng) -> Vec<Visit> {
    let wanted = plan.appointments as usize;
    let mut patients: Vec<usize> = (0..plan.patients as usize).collect();
    patients.shuffle(chance);
    let mut patients = patients.iter().copied().cycle();
    let mut visits = Vec::with_capacity(wanted);
    let dates = plan.first_date().series(Span::new().days(1));
    for date in dates.filter(|date| is_workday(*date)) {
        let days: Vec<_> = (0..plan.staff)
            .map(|_| index::sample(chance, START_TIMES.len(), VISITS_A_DAY as usize).into_vec())
            .collect();
        for (slot, time) in START_TIMES.iter().enumerate() {
            // In the zones used here, clocks do not change during working hours.
            let Ok(start) = zone.instant_of(date.to_datetime(*time)) else { continue };
            for (staff, _) in days.iter().enumerate().filter(|(_, day)| day.contains(&slot)) {
                if visits.len() == wanted {
                    return visits;
                }
                let Some(patient) = patients.next() else { return visits };
                visits.push(Visit { staff, patient, start });
            }
        }
    }
    visits
}

/// When an appointment was booked, and its status changes.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) booked: Timestamp,
    pub(super) steps: Vec<(Timestamp, Status)>,
}

/// Returns the status changes of an appointment until `now`.
pub(super) fn life(start: Timestamp, now: Timestamp, chance: &mut impl Rng) -> Life {
    let minutes = |minutes: i64| SignedDuration::from_mins(minutes);
    let lead = minutes(chance.random_range(24 * 60..28 * 24 * 60));
    let age = minutes(chance.random_range(24 * 60..14 * 24 * 60));
    let booked = (start - lead).min(now - age);
    let over = start + minutes(30);
    let confirmed = (booked + minutes(60), Status::Confirmed);
    let cancelled = (booked + minutes(120), Status::Cancelled);
    let steps = match (over <= now, chance.random_range(0..100)) {
        (true, 0..8) | (false, 0..4) => vec![cancelled],
        (true, 8..13) => vec![(over, Status::NoShow)],
        (true, _) => {
            let arrived = (start - minutes(5), Status::CheckedIn);
            vec![confirmed, arrived, (over, Status::Completed)]
        }
        (false, 4..44) => vec![confirmed],
        (false, _) => vec![],
    };
    Life { booked, steps }
}
