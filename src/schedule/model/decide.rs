//! Whether a visit fits with all whom it needs, and where else it would.

use jiff::Timestamp;

use super::{HoldMark, Party, SheetOwner, Slot, Verdict};
use crate::{id::AppointmentId, time::utc_midnight};

/// How many free starts a refusal names at most.
const NEAREST: usize = 3;

/// What somebody wants to know of a visit.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    /// The visit, without buffers.
    pub visit: Slot,
    /// Whether it may overlap bookings.
    pub overbooked: bool,
    /// Now.
    pub now: Timestamp,
}

/// Why somebody can't.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// They are taken.
    Busy,
    /// It is outside of their hours.
    OffHours,
}

/// The wanted time can't be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// Who can't: the first of those who were asked about.
    pub owner: SheetOwner,
    /// Why.
    pub obstacle: Obstacle,
    /// The free starts nearest to the wanted one, in order of time, as far as the days read tell; maybe none.
    pub nearest_free: Vec<Timestamp>,
}

/// Decides whether a visit fits with all parties, and tells whose lapsed holds it would take.
///
/// # Errors
/// [`Clash`] if it does not.
pub fn decide(
    parties: &[Party<'_>],
    question: &Question,
) -> Result<Vec<(AppointmentId, HoldMark)>, Clash> {
    let Question { visit, overbooked, now } = question;
    let mut lapsed = Vec::new();
    for party in parties {
        let obstacle = match party.judge(visit, *overbooked, *now) {
            Verdict::Free { lapsed: of_party } => {
                let marks = of_party
                    .into_iter()
                    .filter_map(|(id, entry)| Some((id.clone(), entry.hold.clone()?)));
                lapsed.extend(marks);
                continue;
            }
            Verdict::Busy => Obstacle::Busy,
            Verdict::OffHours => Obstacle::OffHours,
        };
        let nearest_free = nearest_free(parties, question);
        return Err(Clash { owner: party.owner.clone(), obstacle, nearest_free });
    }
    lapsed.sort_by(|a, b| a.0.cmp(&b.0));
    lapsed.dedup_by(|a, b| a.0 == b.0);
    Ok(lapsed)
}

/// Whether all parties are free for a visit, with nothing overbooked.
#[must_use]
pub fn all_free(parties: &[Party<'_>], visit: &Slot, now: Timestamp) -> bool {
    parties.iter().all(|party| matches!(party.judge(visit, false, now), Verdict::Free { .. }))
}

/// The starts nearest to the wanted one at which all parties are free. Such a start touches what is in the way or
/// the edge of somebody's hours, so no others are tried.
fn nearest_free(parties: &[Party<'_>], question: &Question) -> Vec<Timestamp> {
    let Slot { start: wanted, end } = question.visit;
    let length = end.duration_since(wanted);
    let days = question.visit.utc_dates();
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        return Vec::new();
    };
    let opens = utc_midnight(*first).max(question.now);
    let closes = utc_midnight(last.tomorrow().unwrap_or(*last));
    let fits = |start: &Timestamp| {
        let end = start.saturating_add(length).unwrap_or(Timestamp::MAX);
        let widest = parties.iter().map(|party| party.after).max().unwrap_or_default();
        let earliest = parties.iter().map(|party| party.before).max().unwrap_or_default();
        let whole = Slot { start: *start, end }.widened(earliest, widest);
        *start >= opens
            && whole.start >= utc_midnight(*first)
            && whole.end <= closes
            && all_free(parties, &Slot { start: *start, end }, question.now)
    };
    let edges = parties.iter().flat_map(|party| party.edges(length.as_secs()));
    let mut starts: Vec<_> =
        edges.filter_map(|edge| Timestamp::from_second(edge).ok()).filter(fits).collect();
    let distance = |start: &Timestamp| (start.duration_since(wanted).abs(), *start);
    starts.sort_by_key(distance);
    starts.dedup();
    starts.truncate(NEAREST);
    starts.sort();
    starts
}

#[cfg(test)]
mod tests;
