//! Free times out of the table: what the clinic works with, its exceptions and its day sheets, and then the rules that
//! booking keeps, from the same code. Sheets are read a few days at a time, and slots are computed day by day, so that the
//! memory of a search does not grow with its range.

mod wanted;

use jiff::{Span, Timestamp, civil::Date};

use self::wanted::Wanted;
use super::model::{Availability, FreeSlot, SlotPosition};
use crate::{
    appointments::model::MAX_BUFFER_MINUTES,
    clinics::repo::setup,
    exceptions,
    id::{ClinicId, OrgId, ResourceId, StaffId, VisitTypeId},
    schedule::repo::{Sheets, sheets_of_clinic},
    store::{Store, StoreError},
    time::{Wall, Zone, utc_date},
};

/// The most days of one search.
pub const MAX_DAYS: i32 = 31;
/// How many days a search reads first; then twice as many each time, up to [`MOST_DAYS_AT_ONCE`].
const FIRST_DAYS: i32 = 2;
/// The most days whose sheets are in memory at once.
const MOST_DAYS_AT_ONCE: i32 = 7;

/// What somebody looks for.
#[derive(Debug, Clone)]
pub struct Search {
    /// At which clinic.
    pub clinic: ClinicId,
    /// On which dates of its calendar, both included; from today and for 31 days, if they are left out.
    pub dates: (Option<Date>, Option<Date>),
    /// With this staff member alone.
    pub staff: Option<StaffId>,
    /// With staff of this role alone.
    pub role: Option<String>,
    /// For visits of this type.
    pub visit_type: Option<VisitTypeId>,
    /// For visits of this length, in minutes.
    pub minutes: Option<u16>,
    /// With these resources.
    pub resources: Vec<ResourceId>,
    /// From one start to the next on the clinic's wall, in minutes.
    pub step_minutes: u16,
}

/// Which part of what is free.
#[derive(Debug, Clone)]
pub struct SlotPage {
    /// Begin after this slot.
    pub after: Option<SlotPosition>,
    /// The most slots to return.
    pub limit: usize,
}

/// Why nothing can be looked for.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The clinic has no such staff member.
    #[error("no such staff member at this clinic")]
    UnknownStaff,
    /// The clinic has no such visit type.
    #[error("no such visit type at this clinic")]
    UnknownVisitType,
    /// The clinic has no such resource.
    #[error("no such resource at this clinic")]
    UnknownResource,
    /// The dates are the wrong way round, or too many.
    #[error("the dates are not a range of 1 to 31 days")]
    Dates,
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A page of what is free. The first round reads what the clinic works with, its exceptions and the day sheets of the first
/// days at once; further day sheets are read until the page is full or the range has ended.
///
/// # Errors
/// [`SearchError`]; [`StoreError::NotFound`] if there is no such clinic in the organisation.
pub async fn search(
    store: &Store,
    org: &OrgId,
    zone: Zone,
    now: Timestamp,
    search: &Search,
    page: &SlotPage,
) -> Result<Availability, SearchError> {
    let today = zone.local_date(now);
    let (first, last) = dates(search, page, &zone, today)?;
    // Nothing is free before today, and what is over need not be read.
    let first = first.max(today);
    let mut part = (first, plus(first, FIRST_DAYS - 1).min(last));
    // What begins on the last day may end on the next.
    let exceptions =
        exceptions::repo::touching(store, org, &search.clinic, (first, plus(last, 1)), false);
    let sheets = read_sheets(store, org, search, &zone, part);
    let (setup, exceptions, mut sheets) =
        tokio::try_join!(setup(store, org, &search.clinic), exceptions, sheets)?;
    let wanted = Wanted::new(&setup, exceptions, search, now)?;
    let mut slots: Vec<FreeSlot> = Vec::new();
    let mut dates = first.series(Span::new().days(1)).take_while(|date| *date <= last).peekable();
    while let Some(date) = dates.next_if(|_| slots.len() < page.limit) {
        if date > part.1 {
            let days = (part.1 - part.0).get_days() + 1;
            part = (date, plus(date, (2 * days).min(MOST_DAYS_AT_ONCE) - 1).min(last));
            sheets = read_sheets(store, org, search, &zone, part).await?;
        }
        let cursor = page.after.as_ref().map(|after| (after.start, &after.staff_id));
        let after = slots.last().map(|slot| (slot.start, &slot.staff_id)).or(cursor);
        // One more than is wanted tells whether there are more.
        let most = page.limit + 1 - slots.len();
        let of_day = wanted.free(&zone, date, &sheets, after, most).await;
        slots.extend(of_day);
    }
    let more = slots.len() > page.limit || dates.peek().is_some();
    slots.truncate(page.limit);
    let position = |slot: &FreeSlot| {
        let (start, staff_id) = (slot.start, slot.staff_id.clone());
        SlotPosition { start, staff_id, last }
    };
    let next = slots.last().filter(|_| more).map(position);
    Ok(Availability { zone, slots, next })
}

/// The first and the last day to search.
fn dates(
    search: &Search,
    page: &SlotPage,
    zone: &Zone,
    today: Date,
) -> Result<(Date, Date), SearchError> {
    if let Some(after) = &page.after {
        return Ok((zone.local_date(after.start), after.last));
    }
    let first = search.dates.0.unwrap_or(today);
    let last = search.dates.1.unwrap_or_else(|| plus(first, MAX_DAYS - 1));
    if !(0..MAX_DAYS).contains(&(last - first).get_days()) {
        return Err(SearchError::Dates);
    }
    Ok((first, last))
}

fn plus(date: Date, days: i32) -> Date {
    date.saturating_add(Span::new().days(days))
}

/// The UTC dates of all sheets that may touch a visit that begins on one of the dates; none where the clocks skip all of them.
fn sheet_dates(zone: &Zone, (first, last): (Date, Date)) -> Option<(Date, Date)> {
    let whole = Wall::new(zone, first, plus(last, 1)).whole();
    let buffer = i64::from(MAX_BUFFER_MINUTES) * 60;
    let (begins, ends) = (whole.iter().next()?.0, whole.iter().last()?.1);
    let date = |second: i64| Timestamp::from_second(second).map_or(Date::MAX, utc_date);
    Some((date(begins - buffer), date(ends + buffer)))
}

/// The day sheets of all that may touch a visit that begins on one of the dates.
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
