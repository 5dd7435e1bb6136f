//! The visit that a search is for, and the free slots for it on a day.

use jiff::{SignedDuration, Span, Timestamp, civil::Date};
use tokio::task::yield_now;

use crate::{
    appointments::model::{HORIZON, MAX_BUFFER_MINUTES, minutes},
    availability::model::FreeSlot,
    error::{ApiError, ErrorCode, FieldCode, FieldError},
    id::{ClinicId, ResourceId, StaffId, VisitTypeId},
    overview::model::Setup,
    records::staff::model::StaffMember,
    scheduling::{
        model::{Calendar, DaySheet, Grid, Party, SheetOwner, Slot, SpecialHours, free_starts},
        repo::Sheets,
    },
    time::{Wall, Zone, utc_date},
};

/// A search for free slots.
#[derive(Debug, Clone)]
pub struct Search {
    /// The clinic.
    pub clinic: ClinicId,
    /// The first and last date of its calendar (inclusive). Default: from today, 31 days.
    pub dates: (Option<Date>, Option<Date>),
    /// Only this staff member.
    pub staff: Option<StaffId>,
    /// Only staff members with this role.
    pub role: Option<String>,
    /// The visit type.
    pub visit_type: Option<VisitTypeId>,
    /// The duration of visits in minutes.
    pub minutes: Option<u16>,
    /// The resources that must be free as well.
    pub resources: Vec<ResourceId>,
    /// The minutes between possible starts, in local time.
    pub step_minutes: u16,
}

/// Returns the error of an invalid search parameter.
pub(in crate::availability) fn wrong(
    parameter: &'static str,
    code: FieldCode,
    message: &'static str,
) -> ApiError {
    let error = FieldError::of_parameter(parameter, code, message);
    ApiError::of_field(ErrorCode::InvalidParameter, error)
}

/// The visit that a search is for, at a clinic with this setup.
pub(super) struct Wanted<'a> {
    setup: &'a Setup,
    exceptions: Vec<SpecialHours>,
    search: &'a Search,
    length: SignedDuration,
    /// The buffers before and after the visit.
    buffers: (SignedDuration, SignedDuration),
    /// The staff members who may give the visit, by id.
    staff: Vec<&'a StaffMember>,
    now: Timestamp,
}

impl<'a> Wanted<'a> {
    pub(super) fn new(
        setup: &'a Setup,
        exceptions: Vec<SpecialHours>,
        search: &'a Search,
        now: Timestamp,
    ) -> Result<Self, ApiError> {
        let (mut length, mut roles) = (minutes(search.minutes.unwrap_or_default()), &[][..]);
        let mut buffers = (SignedDuration::ZERO, SignedDuration::ZERO);
        if let Some(id) = &search.visit_type {
            let visit_type = setup.visit_types.iter().find(|visit_type| visit_type.id == *id);
            let unknown = || {
                wrong("visit_type_id", FieldCode::Invalid, "must be a visit type of this clinic")
            };
            let visit_type = visit_type.ok_or_else(unknown)?;
            (length, roles) = (minutes(visit_type.duration_minutes), &visit_type.roles);
            let (before, after) =
                (visit_type.buffer_before_minutes, visit_type.buffer_after_minutes);
            buffers = (minutes(before), minutes(after));
        }
        let mut all_active = true;
        for id in &search.resources {
            let resource = setup.resources.iter().find(|resource| resource.id == *id);
            let unknown =
                || wrong("resource_ids", FieldCode::Invalid, "must be resources of this clinic");
            all_active &= resource.ok_or_else(unknown)?.active;
        }
        if search.staff.as_ref().is_some_and(|id| !setup.staff.iter().any(|staff| staff.id == *id))
        {
            return Err(wrong(
                "staff_id",
                FieldCode::Invalid,
                "must be a staff member of this clinic",
            ));
        }
        let gives = |staff: &&StaffMember| {
            all_active
                && staff.active
                && search.staff.as_ref().is_none_or(|id| staff.id == *id)
                && search.role.as_ref().is_none_or(|role| staff.role == *role)
                && (roles.is_empty() || roles.contains(&staff.role))
        };
        let mut staff: Vec<_> = setup.staff.iter().filter(gives).collect();
        staff.sort_by_key(|member| &member.id);
        Ok(Self { setup, exceptions, search, length, buffers, staff, now })
    }

    /// Returns the first `most` free slots of a date after the slot `after`, by start and staff
    /// member. It yields to other tasks before each staff member.
    pub(super) async fn free(
        &self,
        zone: &Zone,
        date: Date,
        sheets: &Sheets,
        after: Option<(Timestamp, &StaffId)>,
        most: usize,
    ) -> Vec<FreeSlot> {
        let next_day = plus(date, 1);
        let wall = Wall::new(zone, date, next_day);
        let Some((_, end)) = Wall::new(zone, date, date).whole().iter().last() else {
            return Vec::new();
        };
        let Some(utc_dates) = sheet_dates(zone, (date, date)) else {
            return Vec::new();
        };
        let touches =
            |special: &&SpecialHours| special.hours.first <= next_day && date <= special.hours.last;
        let exceptions = self.exceptions.iter().filter(touches);
        let calendar = Calendar::new(&wall, exceptions, self.setup.clinic.opening_hours.as_deref());
        let whole = wall.whole();
        let grid = Grid {
            wall: &wall,
            length: self.length,
            step: minutes(self.search.step_minutes),
            earliest: after.map_or(self.now, |(start, _)| start.max(self.now)),
            end: Timestamp::from_second(end).unwrap_or(Timestamp::MAX).min(self.horizon()),
        };
        let mut starts: Vec<(Timestamp, &StaffId)> = Vec::new();
        for staff in &self.staff {
            yield_now().await;
            let Search { clinic, resources, .. } = self.search;
            let owners: Vec<_> = SheetOwner::at_clinic(clinic, &staff.id, resources).collect();
            let hours = staff.working_hours.as_deref();
            let working: Vec<_> =
                owners.iter().map(|owner| calendar.working(owner, hours)).collect();
            let of_day = |sheet: &&DaySheet| (utc_dates.0..=utc_dates.1).contains(&sheet.utc_date);
            let parties: Vec<_> = owners
                .iter()
                .zip(&working)
                .map(|(owner, working)| {
                    let sheets = sheets.get(owner).into_iter().flatten().filter(of_day);
                    let party = Party::new(owner, sheets, None);
                    let (before, after) = self.buffers;
                    Party { before, after, working: working.as_ref(), ..party }
                })
                .collect();
            let own = working[0].as_ref().unwrap_or(&whole);
            // Starts after the last slot of a full page are skipped.
            let last = starts.get(most - 1).map(|(start, _)| *start);
            let found = free_starts(&parties, own, grid, self.now)
                .take_while(|start| last.is_none_or(|last| *start <= last))
                .map(|start| (start, &staff.id))
                .filter(|slot| after.is_none_or(|after| *slot > after))
                .take(most);
            starts.extend(found);
            starts.sort_unstable();
            starts.truncate(most);
        }
        let slot = |(start, staff_id): (Timestamp, &StaffId)| {
            let Slot { start, end } = Slot::new(start, self.length);
            FreeSlot { start, staff_id: staff_id.clone(), end }
        };
        starts.into_iter().map(slot).collect()
    }

    /// Returns the first instant beyond the booking horizon.
    fn horizon(&self) -> Timestamp {
        let last = self.now.saturating_add(HORIZON).unwrap_or(Timestamp::MAX);
        last.saturating_add(SignedDuration::from_secs(1)).unwrap_or(last)
    }
}

pub(super) fn plus(date: Date, days: i32) -> Date {
    date.saturating_add(Span::new().days(days))
}

/// Returns the UTC dates of all sheets that a visit may touch if it begins on one of the dates.
/// `None` if a clock change skips all of these dates.
pub(super) fn sheet_dates(zone: &Zone, (first, last): (Date, Date)) -> Option<(Date, Date)> {
    let whole = Wall::new(zone, first, plus(last, 1)).whole();
    let buffer = i64::from(MAX_BUFFER_MINUTES) * 60;
    let (begins, ends) = (whole.iter().next()?.0, whole.iter().last()?.1);
    let date = |second: i64| Timestamp::from_second(second).map_or(Date::MAX, utc_date);
    Some((date(begins - buffer), date(ends + buffer)))
}
