//! Free times out of the table: what the clinic works with, its exceptions and its day sheets, read at once, and then the
//! rules that booking keeps, from the same code.

use std::collections::HashMap;

use jiff::{SignedDuration, Span, Timestamp, civil::Date};

use super::model::{Availability, FreeSlot};
use crate::{
    appointments::{
        model::{HORIZON, MAX_BUFFER_MINUTES},
        repo::Hours,
    },
    clinics::repo::{Setup, setup},
    exceptions::{self, model::Exception},
    id::{ClinicId, OrgId, ResourceId, StaffId, VisitTypeId},
    schedule::model::{DaySheet, Grid, Party, SheetOwner, free_starts},
    staff::model::StaffMember,
    store::{Store, StoreError, keys},
    time::{Wall, Zone, utc_date},
    visit_types::model::VisitType,
};

/// The most days of one search.
pub const MAX_DAYS: i32 = 31;
/// How many days a search reads first that stops as soon as it has enough; then twice as many.
const FIRST_DAYS: i32 = 2;

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
    /// No more than so many: the first ones.
    pub limit: Option<usize>,
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

/// Looks for what is free: one Query each of what the clinic works with, its exceptions and its day sheets, at once. A
/// search with a limit reads the day sheets by and by.
///
/// # Errors
/// [`SearchError`]; [`StoreError::NotFound`] if there is no such clinic in the organisation.
pub async fn search(
    store: &Store,
    org: &OrgId,
    zone: Zone,
    now: Timestamp,
    search: &Search,
) -> Result<Availability, SearchError> {
    let today = zone.local_date(now);
    let first = search.dates.0.unwrap_or(today);
    let last = search.dates.1.unwrap_or_else(|| plus(first, MAX_DAYS - 1));
    if !(0..MAX_DAYS).contains(&(last - first).get_days()) {
        return Err(SearchError::Dates);
    }
    // Nothing is free before today, and what is over need not be read.
    let first = first.max(today);
    let mut part_end = search.limit.map_or(last, |_| plus(first, FIRST_DAYS - 1).min(last));
    // What begins on the last day may end on the next.
    let exceptions =
        exceptions::repo::touching(store, org, &search.clinic, (first, plus(last, 1)), false);
    let sheets = read_sheets(store, org, search, &zone, (first, part_end));
    let (setup, exceptions, mut sheets) =
        tokio::try_join!(setup(store, org, &search.clinic), exceptions, sheets)?;
    let wanted = Wanted::new(&setup, exceptions, search)?;
    let mut slots = Vec::new();
    let mut part_start = first;
    while part_start <= last {
        slots.extend(wanted.free(&zone, (part_start, part_end), &sheets, now));
        let enough = search.limit.is_some_and(|limit| slots.len() >= limit);
        if enough || part_end >= last {
            break;
        }
        let days = (part_end - part_start).get_days() + 1;
        part_start = plus(part_end, 1);
        part_end = plus(part_start, 2 * days - 1).min(last);
        sheets = read_sheets(store, org, search, &zone, (part_start, part_end)).await?;
    }
    slots.truncate(search.limit.unwrap_or(usize::MAX));
    Ok(Availability { zone, slots })
}

fn plus(date: Date, days: i32) -> Date {
    date.saturating_add(Span::new().days(days))
}

type Sheets = HashMap<SheetOwner, Vec<DaySheet>>;

/// The day sheets of all that may touch a visit that begins on one of the dates.
async fn read_sheets(
    store: &Store,
    org: &OrgId,
    search: &Search,
    zone: &Zone,
    (first, last): (Date, Date),
) -> Result<Sheets, StoreError> {
    let whole = Wall::new(zone, first, plus(last, 1)).whole();
    let buffer = i64::from(MAX_BUFFER_MINUTES) * 60;
    let (Some((begins, _)), Some((_, ends))) = (whole.iter().next(), whole.iter().last()) else {
        return Ok(Sheets::new());
    };
    let date = |second: i64| Timestamp::from_second(second).map_or(Date::MAX, utc_date);
    let range =
        keys::day_sheets_of_clinic(&search.clinic, date(begins - buffer), date(ends + buffer));
    let mut sheets = Sheets::new();
    for sheet in store.all_of_org::<DaySheet>(org, range, false).await? {
        sheets.entry(sheet.value.owner.clone()).or_default().push(sheet.value);
    }
    Ok(sheets)
}

/// What is looked for, with all that the clinic says to it.
struct Wanted<'a> {
    setup: &'a Setup,
    exceptions: Vec<Exception>,
    search: &'a Search,
    visit_type: Option<&'a VisitType>,
    staff: Vec<&'a StaffMember>,
}

impl<'a> Wanted<'a> {
    fn new(
        setup: &'a Setup,
        exceptions: Vec<Exception>,
        search: &'a Search,
    ) -> Result<Self, SearchError> {
        let of_type = |id: &VisitTypeId| setup.visit_types.iter().find(|known| known.id == *id);
        let visit_type = match &search.visit_type {
            Some(id) => Some(of_type(id).ok_or(SearchError::UnknownVisitType)?),
            None => None,
        };
        for id in &search.resources {
            if !setup.resources.iter().any(|known| known.id == *id) {
                return Err(SearchError::UnknownResource);
            }
        }
        if search.staff.as_ref().is_some_and(|id| !setup.staff.iter().any(|known| known.id == *id))
        {
            return Err(SearchError::UnknownStaff);
        }
        let gives = |staff: &&StaffMember| {
            let roles = visit_type.map_or(&[][..], |visit_type| &visit_type.roles);
            staff.active
                && search.staff.as_ref().is_none_or(|id| staff.id == *id)
                && search.role.as_ref().is_none_or(|role| staff.role == *role)
                && (roles.is_empty() || roles.contains(&staff.role))
        };
        let staff = setup.staff.iter().filter(gives).collect();
        Ok(Self { setup, exceptions, search, visit_type, staff })
    }

    /// What is free on some of the dates.
    fn free(
        &self,
        zone: &Zone,
        (first, last): (Date, Date),
        sheets: &Sheets,
        now: Timestamp,
    ) -> Vec<FreeSlot> {
        let all_in_use = |id: &ResourceId| {
            self.setup.resources.iter().any(|resource| resource.id == *id && resource.active)
        };
        if !self.search.resources.iter().all(all_in_use) {
            return Vec::new();
        }
        let wall = Wall::new(zone, first, plus(last, 1));
        let hours = Hours::new(wall.clone(), self.exceptions.clone());
        let open = hours.opening(&self.setup.clinic.opening_hours);
        let whole = wall.whole();
        let Some((_, end)) = Wall::new(zone, first, last).whole().iter().last() else {
            return Vec::new();
        };
        let horizon = now.saturating_add(HORIZON).unwrap_or(Timestamp::MAX);
        let beyond_horizon =
            horizon.saturating_add(SignedDuration::from_secs(1)).unwrap_or(horizon);
        let minutes = |minutes: u16| SignedDuration::from_mins(i64::from(minutes));
        let length = self.visit_type.map(|visit_type| visit_type.duration_minutes);
        let length = minutes(length.or(self.search.minutes).unwrap_or_default());
        let grid = Grid {
            wall: &wall,
            length,
            step: minutes(self.search.step_minutes),
            earliest: now,
            end: Timestamp::from_second(end).unwrap_or(Timestamp::MAX).min(beyond_horizon),
        };
        let buffers =
            self.visit_type.map_or((SignedDuration::ZERO, SignedDuration::ZERO), |kind| {
                (minutes(kind.buffer_before_minutes), minutes(kind.buffer_after_minutes))
            });
        let mut slots = Vec::new();
        for staff in &self.staff {
            let Search { clinic, resources, .. } = self.search;
            let owners: Vec<_> = SheetOwner::at_clinic(clinic, &staff.id, resources).collect();
            let working = open.of_all(owners.iter(), &staff.working_hours);
            let party = |owner: &'_ SheetOwner| sheets.get(owner).map_or(&[][..], Vec::as_slice);
            let parties: Vec<_> = owners
                .iter()
                .map(|owner| {
                    let party = Party::new(owner, party(owner), None);
                    let party = party.with_buffers(buffers.0, buffers.1);
                    working.get(owner).into_iter().fold(party, Party::working)
                })
                .collect();
            let own = working.get(&owners[0]).unwrap_or(&whole);
            slots.extend(free_starts(&parties, own, grid, now).map(|start| {
                let end = start.saturating_add(length).unwrap_or(Timestamp::MAX);
                FreeSlot { start, end, staff_id: staff.id.clone() }
            }));
        }
        slots.sort();
        slots
    }
}
