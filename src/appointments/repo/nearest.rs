//! The free starts nearest to a refused start.

use std::collections::HashSet;

use jiff::Timestamp;

use super::{
    claims::visit_of,
    decide::{calendar, parties, working},
    snapshot::{Draft, FOLLOWING_DAYS, Snapshot, plus, read_hours},
};
use crate::{
    appointments::model::HORIZON,
    scheduling::{
        model::{Claim, DaySheet, NEAREST, nearest_free},
        repo::sheet_key,
    },
    store::{Entity, Store, StoreError},
    time::{Wall, utc_dates, utc_midnight},
};

/// Finds the free starts nearest to a draft's start: on the same day at the clinic, or else on the
/// following days. Uses the sheets of the snapshot. If these do not cover the range, one more
/// BatchGetItem. For a hold, also the Queries of exceptions.
pub(super) async fn find_nearest_free(
    store: &Store,
    snapshot: &Snapshot,
    draft: &Draft,
) -> Result<Vec<Timestamp>, StoreError> {
    let appointment = &draft.appointment.value;
    let (zone, now, visit) = (&appointment.time_zone, snapshot.now, visit_of(appointment));
    let day = zone.local_date(visit.start);
    let wall = Wall::new(zone, day, plus(day, FOLLOWING_DAYS + 1));
    let read_again;
    let special_hours = match &snapshot.special_hours {
        // Confirming a hold ignores the working hours, but alternative starts must respect them.
        None if draft.confirms_hold() => {
            let org = &draft.appointment.meta.org;
            read_again = read_hours(store, org, appointment).await?;
            Some(&read_again)
        }
        known => known.as_ref(),
    };
    let calendar = calendar(snapshot, special_hours.map(Vec::as_slice), &wall);
    let working = working(calendar.as_ref(), snapshot, draft);
    let unchanged = draft.unchanged_start();
    let find = |sheets: &[Entity<DaySheet>], within| {
        let mut starts =
            nearest_free(&parties(draft, &working, sheets), &visit, &wall, within, now);
        starts.retain(|start| Some(*start) != unchanged);
        starts
    };
    let horizon = now.saturating_add(HORIZON).unwrap_or(Timestamp::MAX).as_second() + 1;
    let midnight =
        |days| zone.start_of(plus(day, days)).as_second().clamp(now.as_second(), horizon);
    let today = (midnight(0), midnight(1));
    let read = starts_within_sheets(draft);
    let near = find(&snapshot.sheets, (today.0.max(read.0), today.1.min(read.1)));
    // There may be nearer starts outside the range of the sheets that were read.
    let wanted = visit.start.as_second();
    let distance = |start: &Timestamp| (start.as_second() - wanted).abs();
    let needed = match near.get(NEAREST - 1).map(distance) {
        Some(far) => (today.0.max(wanted - far), today.1.min(wanted + far + 1)),
        None => today,
    };
    if !near.is_empty() && read.0 <= needed.0 && needed.1 <= read.1 {
        return Ok(near);
    }
    let end = midnight(FOLLOWING_DAYS + 1);
    let sheets = read_sheets(store, snapshot, draft, (today.0, end)).await?;
    let near = find(&sheets, today);
    Ok(if near.is_empty() { find(&sheets, (today.1, end)) } else { near })
}

/// Returns how far the claims of a draft reach before and after its start, in seconds.
fn reach(draft: &Draft) -> (i64, i64) {
    let start = draft.appointment.value.start;
    let before = draft.claims.iter().map(|claim| start.duration_since(claim.slot.start).as_secs());
    let after = draft.claims.iter().map(|claim| claim.slot.end.duration_since(start).as_secs());
    (before.max().unwrap_or_default(), after.max().unwrap_or_default())
}

/// Returns the range of starts, in epoch seconds, for which a visit like the draft's touches only
/// days whose sheets were read.
fn starts_within_sheets(draft: &Draft) -> (i64, i64) {
    let (before, after) = reach(draft);
    let days = visit_of(&draft.appointment.value).utc_dates();
    let begins = days.first().map_or(Timestamp::MAX, |day| utc_midnight(*day));
    let ends = days.last().map_or(Timestamp::MIN, |day| utc_midnight(plus(*day, 1)));
    (begins.as_second() + before, ends.as_second() - after + 1)
}

/// Returns the snapshot's sheets, and the sheets of all other days that visits like the draft's
/// touch if they start in this range of epoch seconds.
async fn read_sheets(
    store: &Store,
    snapshot: &Snapshot,
    draft: &Draft,
    (from, to): (i64, i64),
) -> Result<Vec<Entity<DaySheet>>, StoreError> {
    let (before, after) = reach(draft);
    let second = |second| Timestamp::from_second(second).unwrap_or(Timestamp::MAX);
    let dates = utc_dates(second(from - before), second(to + after));
    let read: HashSet<_> = draft.claims.iter().flat_map(Claim::sheets).collect();
    let all = draft.claims.iter().flat_map(|claim| dates.iter().map(|date| (&claim.owner, *date)));
    let unread = all.filter(|sheet| !read.contains(sheet));
    let keys: Vec<_> = unread.map(|(owner, date)| sheet_key(owner, date)).collect();
    let found = store.batch_get(&keys).await?.into_values().map(Entity::from_item);
    snapshot.sheets.iter().cloned().map(Ok).chain(found).collect()
}
