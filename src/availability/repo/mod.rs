//! The search for free slots. It reads the clinic's setup, exceptions and day sheets, and applies the rules of booking.
//!
//! Sheets are read a few days at a time and slots are computed day by day, so that memory does not grow with the range.

mod wanted;

use jiff::{Span, Timestamp, civil::Date};
pub use wanted::Search;
pub(super) use wanted::wrong;
use wanted::{Wanted, plus, sheet_dates};

use super::model::{FreeSlot, SlotPosition};
use crate::{
    error::{ApiError, ErrorCode},
    id::OrgId,
    overview::repo::setup,
    records::exceptions,
    scheduling::{
        model::{SheetOwner, SpecialHours},
        repo::{Sheets, sheets_of_clinic},
    },
    store::{Store, StoreError},
    time::Zone,
};

/// The maximum number of days of one search.
pub const MAX_DAYS: i32 = 31;
/// The number of days that a search reads first. It doubles with each read, up to
/// [`MOST_DAYS_AT_ONCE`].
const FIRST_DAYS: i32 = 2;
/// The maximum number of days whose sheets are in memory at once.
const MOST_DAYS_AT_ONCE: i32 = 7;

/// Finds a page of at most `limit` free slots, and the position after it if there may be more. The
/// first round reads the clinic's setup, its exceptions and the day sheets of the first days. More
/// day sheets are read until the page is full or the range ends.
pub async fn search(
    store: &Store,
    org: &OrgId,
    zone: &Zone,
    now: Timestamp,
    search: &Search,
    (after, limit): (Option<SlotPosition>, usize),
) -> Result<(Vec<FreeSlot>, Option<SlotPosition>), ApiError> {
    let today = zone.local_date(now);
    let (first, last) = dates(search, after.as_ref(), zone, today)?;
    // Nothing is free before today.
    let first = first.max(today);
    let mut part = (first, plus(first, FIRST_DAYS - 1).min(last));
    // A visit that begins on the last day may end on the next day.
    let exceptions = read_exceptions(store, org, search, (first, plus(last, 1)));
    let sheets = read_sheets(store, org, search, zone, part);
    let (setup, exceptions, mut sheets) =
        tokio::try_join!(setup(store, org, &search.clinic, now), exceptions, sheets)?;
    let wanted = Wanted::new(&setup, exceptions, search, now)?;
    let mut slots: Vec<FreeSlot> = Vec::new();
    let mut dates = first.series(Span::new().days(1)).take_while(|date| *date <= last).peekable();
    while let Some(date) = dates.next_if(|_| slots.len() < limit) {
        if date > part.1 {
            let days = (part.1 - part.0).get_days() + 1;
            part = (date, plus(date, (2 * days).min(MOST_DAYS_AT_ONCE) - 1).min(last));
            sheets = read_sheets(store, org, search, zone, part).await?;
        }
        let cursor = after.as_ref().map(|after| (after.start, &after.staff_id));
        let before = slots.last().map(|slot| (slot.start, &slot.staff_id)).or(cursor);
        // One slot more than the page holds shows that there is another page.
        let most = limit + 1 - slots.len();
        let of_day = wanted.free(zone, date, &sheets, before, most).await;
        slots.extend(of_day);
    }
    let more = slots.len() > limit || dates.peek().is_some();
    slots.truncate(limit);
    let position = |slot: &FreeSlot| {
        let (start, staff_id) = (slot.start, slot.staff_id.clone());
        SlotPosition { start, staff_id, last }
    };
    let next = slots.last().filter(|_| more).map(position);
    Ok((slots, next))
}

fn dates(
    search: &Search,
    after: Option<&SlotPosition>,
    zone: &Zone,
    today: Date,
) -> Result<(Date, Date), ApiError> {
    if let Some(after) = after {
        return Ok((zone.local_date(after.start), after.last));
    }
    let first = search.dates.0.unwrap_or(today);
    let last = search.dates.1.unwrap_or_else(|| plus(first, MAX_DAYS - 1));
    if !(0..MAX_DAYS).contains(&(last - first).get_days()) {
        let message = format!(
            "must not be before from (default: today); a search covers at most {MAX_DAYS} days"
        );
        return Err(ApiError::field(ErrorCode::InvalidParameter, "to", message));
    }
    Ok((first, last))
}

/// Reads the special hours of some dates. A search for one staff member needs those of the clinic,
/// the staff member and the resources. Otherwise it needs all special hours at the clinic.
async fn read_exceptions(
    store: &Store,
    org: &OrgId,
    search: &Search,
    dates: (Date, Date),
) -> Result<Vec<SpecialHours>, StoreError> {
    let Search { clinic, staff, resources, .. } = search;
    let Some(staff) = staff else {
        return exceptions::repo::at_clinic(store, org, clinic, dates).await;
    };
    let owners = SheetOwner::at_clinic(clinic, staff, resources);
    exceptions::repo::of_owners(store, org, clinic, owners, dates, false).await
}

/// Reads all day sheets that a visit may touch if it begins on one of the dates.
async fn read_sheets(
    store: &Store,
    org: &OrgId,
    search: &Search,
    zone: &Zone,
    dates: (Date, Date),
) -> Result<Sheets, StoreError> {
    match sheet_dates(zone, dates) {
        Some(dates) => sheets_of_clinic(store, org, &search.clinic, dates).await,
        None => Ok(Sheets::new()),
    }
}
