//! The decision whether a visit fits with all parties, and the starts at which it would.

use jiff::{SignedDuration, Timestamp};

use super::{
    claims::Slot,
    party::{Obstacle, Party},
    sheets::SheetOwner,
};
use crate::{
    id::{AppointmentId, ClinicId},
    time::{Spans, Wall, utc_midnight},
};

/// The most free starts that a refusal names.
const NEAREST: usize = 3;

/// The refusal of a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// The first of the parties who can't.
    pub owner: SheetOwner,
    /// The reason.
    pub obstacle: Obstacle,
    /// The free starts nearest to the wanted one, in order of time, on the days that were read; maybe none.
    pub nearest_free: Vec<Timestamp>,
}

/// Decides whether a visit, which may overlap appointments if it is `overbooked`, fits with all parties, and returns the
/// lapsed holds whose time it takes, with their clinics.
pub fn decide(
    parties: &[Party<'_>],
    visit: &Slot,
    overbooked: bool,
    now: Timestamp,
) -> Result<Vec<(AppointmentId, ClinicId)>, Clash> {
    let mut lapsed = Vec::new();
    for party in parties {
        let of_party = party.check(visit, overbooked, now).map_err(|obstacle| Clash {
            owner: party.owner.clone(),
            obstacle,
            nearest_free: nearest_free(parties, visit, now),
        })?;
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

/// The starts nearest to the wanted one at which all parties are free. Such a start touches a taken time or an edge of
/// somebody's working time, so no others are tried.
fn nearest_free(parties: &[Party<'_>], visit: &Slot, now: Timestamp) -> Vec<Timestamp> {
    let Slot { start: wanted, end } = *visit;
    let length = end.duration_since(wanted);
    let days = visit.utc_dates();
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        return Vec::new();
    };
    let opens = utc_midnight(*first).max(now);
    let closes = utc_midnight(last.tomorrow().unwrap_or(*last));
    let before = parties.iter().map(|party| party.before).max().unwrap_or_default();
    let after = parties.iter().map(|party| party.after).max().unwrap_or_default();
    let fits = |start: &Timestamp| {
        let visit = Slot::new(*start, length);
        let whole = visit.widened(before, after);
        *start >= opens
            && whole.start >= utc_midnight(*first)
            && whole.end <= closes
            && all_free(parties, &visit, now)
    };
    let edges = parties.iter().flat_map(|party| party.edges(length.as_secs()));
    let mut starts: Vec<_> =
        edges.filter_map(|edge| Timestamp::from_second(edge).ok()).filter(fits).collect();
    starts.sort_by_key(|start| (start.duration_since(wanted).abs(), *start));
    starts.dedup();
    starts.truncate(NEAREST);
    starts.sort();
    starts
}

/// The starts that a search considers.
#[derive(Debug, Clone, Copy)]
pub struct Grid<'a> {
    /// The days, in the clinic's local time.
    pub wall: &'a Wall,
    /// The length of a visit.
    pub length: SignedDuration,
    /// The time from one start to the next, since local midnight.
    pub step: SignedDuration,
    /// The first instant of a start.
    pub earliest: Timestamp,
    /// The end of the starts, which is no longer part of them.
    pub end: Timestamp,
}

/// The starts of a grid within `working` at which all parties are free, in order.
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
