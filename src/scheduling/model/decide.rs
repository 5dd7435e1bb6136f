//! The decision whether a visit fits all parties, and the search for starts at which it does.

use jiff::{SignedDuration, Timestamp};

use super::{
    claims::Slot,
    party::{Obstacle, Party},
    sheets::SheetOwner,
};
use crate::{
    id::{AppointmentId, ClinicId},
    time::{Spans, Wall},
};

/// The maximum number of free starts in a refusal.
pub const NEAREST: usize = 3;
/// The step of their grid, in seconds.
const STEP: i64 = 15 * 60;

/// The refusal of a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// The first party that the visit does not fit.
    pub owner: SheetOwner,
    /// The reason.
    pub obstacle: Obstacle,
}

/// Decides whether a visit fits all parties. An `overbooked` visit may overlap appointments.
/// Returns the lapsed holds whose time it takes, with their clinics.
pub fn decide(
    parties: &[Party<'_>],
    visit: &Slot,
    overbooked: bool,
    now: Timestamp,
) -> Result<Vec<(AppointmentId, ClinicId)>, Clash> {
    let mut lapsed = Vec::new();
    for party in parties {
        let of_party = party
            .check(visit, overbooked, now)
            .map_err(|obstacle| Clash { owner: party.owner.clone(), obstacle })?;
        lapsed.extend(of_party.into_iter().filter_map(|(id, entry)| {
            let clinic = entry.clinic_id.as_ref().or(party.owner.clinic_id())?;
            Some((id.clone(), clinic.clone()))
        }));
    }
    lapsed.sort();
    lapsed.dedup();
    Ok(lapsed)
}

fn all_free(parties: &[Party<'_>], visit: &Slot, now: Timestamp) -> bool {
    parties.iter().all(|party| party.check(visit, false, now).is_ok())
}

/// Returns the starts from the epoch second `from` until `to` (exclusive) at which all parties are
/// free, nearest to the wanted start first. They are on a grid in local time, or touch a busy
/// interval or an edge of working time.
pub fn nearest_free(
    parties: &[Party<'_>],
    visit: &Slot,
    wall: &Wall,
    (from, to): (i64, i64),
    now: Timestamp,
) -> Vec<Timestamp> {
    let length = visit.end.duration_since(visit.start);
    let edges = parties.iter().flat_map(|party| party.edges(length.as_secs()));
    let edges = edges.filter(|start| (from..to).contains(start));
    let mut starts: Vec<_> = wall.grid(from, to, STEP).chain(edges).collect();
    let wanted = visit.start.as_second();
    starts.sort_unstable_by_key(|start| ((start - wanted).abs(), *start));
    starts.dedup();
    let starts = starts.into_iter().filter_map(|start| Timestamp::from_second(start).ok());
    let is_free =
        |start: &Timestamp| *start >= now && all_free(parties, &Slot::new(*start, length), now);
    starts.filter(is_free).take(NEAREST).collect()
}

/// The starts that a search considers.
#[derive(Debug, Clone, Copy)]
pub struct Grid<'a> {
    /// The days, in the clinic's local time.
    pub wall: &'a Wall,
    /// The duration of a visit.
    pub length: SignedDuration,
    /// The step between starts, counted from local midnight.
    pub step: SignedDuration,
    /// The earliest start.
    pub earliest: Timestamp,
    /// The end of the range of starts (exclusive).
    pub end: Timestamp,
}

/// Returns the starts of a grid within `working` at which all parties are free, in order.
pub fn free_starts<'a>(
    parties: &'a [Party<'a>],
    working: &'a Spans,
    grid: Grid<'a>,
    now: Timestamp,
) -> impl Iterator<Item = Timestamp> + 'a {
    let (length, step) = (grid.length.as_secs(), grid.step.as_secs());
    let (earliest, end) = (grid.earliest.as_second(), grid.end.as_second());
    let spans =
        working.iter().map(move |(from, to)| (from.max(earliest), (to - length + 1).min(end)));
    let starts = spans.flat_map(move |(from, to)| grid.wall.grid(from, to, step));
    starts.filter_map(move |start| {
        let start = Timestamp::from_second(start).ok()?;
        all_free(parties, &Slot::new(start, grid.length), now).then_some(start)
    })
}
