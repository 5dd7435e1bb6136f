//! What is looked for, and which times of a day fit it.

use jiff::{SignedDuration, Timestamp, civil::Date};
use tokio::task::yield_now;

use super::{Search, SearchError, plus, sheet_dates};
use crate::{
    appointments::{model::HORIZON, repo::Hours},
    availability::model::FreeSlot,
    clinics::repo::Setup,
    exceptions::model::Exception,
    id::{ResourceId, StaffId, VisitTypeId},
    schedule::{
        model::{DaySheet, Grid, Party, SheetOwner, free_starts},
        repo::Sheets,
    },
    staff::model::StaffMember,
    time::{Wall, Zone},
    visit_types::model::VisitType,
};

/// What is looked for, with all that the clinic says to it.
pub(super) struct Wanted<'a> {
    setup: &'a Setup,
    exceptions: Vec<Exception>,
    search: &'a Search,
    visit_type: Option<&'a VisitType>,
    /// Those who may give the visit, by id.
    staff: Vec<&'a StaffMember>,
    now: Timestamp,
}

impl<'a> Wanted<'a> {
    /// What a search asks for.
    ///
    /// # Errors
    /// [`SearchError`] if it names what the clinic does not have.
    pub(super) fn new(
        setup: &'a Setup,
        exceptions: Vec<Exception>,
        search: &'a Search,
        now: Timestamp,
    ) -> Result<Self, SearchError> {
        let of_type = |id: &VisitTypeId| setup.visit_types.iter().find(|known| known.id == *id);
        let visit_type = match &search.visit_type {
            Some(id) => Some(of_type(id).ok_or(SearchError::UnknownVisitType)?),
            None => None,
        };
        let resource = |id: &ResourceId| setup.resources.iter().find(|known| known.id == *id);
        let mut all_in_use = true;
        for id in &search.resources {
            all_in_use &= resource(id).ok_or(SearchError::UnknownResource)?.active;
        }
        if search.staff.as_ref().is_some_and(|id| !setup.staff.iter().any(|known| known.id == *id))
        {
            return Err(SearchError::UnknownStaff);
        }
        let gives = |staff: &&StaffMember| {
            let roles = visit_type.map_or(&[][..], |visit_type| &visit_type.roles);
            all_in_use
                && staff.active
                && search.staff.as_ref().is_none_or(|id| staff.id == *id)
                && search.role.as_ref().is_none_or(|role| staff.role == *role)
                && (roles.is_empty() || roles.contains(&staff.role))
        };
        let mut staff: Vec<_> = setup.staff.iter().filter(gives).collect();
        staff.sort_by_key(|member| &member.id);
        Ok(Self { setup, exceptions, search, visit_type, staff, now })
    }

    /// The first `most` slots that are free on a date, by start and staff member, of those that come after one. It lets others
    /// run before each staff member.
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
        let touches = |exception: &&Exception| {
            exception.hours.first <= next_day && date <= exception.hours.last
        };
        let exceptions = self.exceptions.iter().filter(touches).cloned().collect();
        let hours = Hours::new(wall.clone(), exceptions);
        let open = hours.opening(&self.setup.clinic.opening_hours);
        let whole = wall.whole();
        let (length, buffers) = self.visit();
        let grid = Grid {
            wall: &wall,
            length,
            step: minutes(self.search.step_minutes),
            earliest: after.map_or(self.now, |(start, _)| start.max(self.now)),
            end: Timestamp::from_second(end).unwrap_or(Timestamp::MAX).min(self.horizon()),
        };
        let mut starts: Vec<(Timestamp, &StaffId)> = Vec::new();
        for staff in &self.staff {
            yield_now().await;
            let Search { clinic, resources, .. } = self.search;
            let owners: Vec<_> = SheetOwner::at_clinic(clinic, &staff.id, resources).collect();
            let working = open.of_all(owners.iter(), &staff.working_hours);
            let of_day = |sheet: &&DaySheet| (utc_dates.0..=utc_dates.1).contains(&sheet.utc_date);
            let parties: Vec<_> = owners
                .iter()
                .map(|owner| {
                    let sheets = sheets.get(owner).into_iter().flatten().filter(of_day);
                    let party = Party::new(owner, sheets, None).with_buffers(buffers.0, buffers.1);
                    working.get(owner).into_iter().fold(party, Party::working)
                })
                .collect();
            let own = working.get(&owners[0]).unwrap_or(&whole);
            // Of a full page, what comes after its last slot is not looked at.
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
            let end = start.saturating_add(length).unwrap_or(Timestamp::MAX);
            FreeSlot { start, staff_id: staff_id.clone(), end }
        };
        starts.into_iter().map(slot).collect()
    }

    /// How long the visit takes, and what it needs before and after.
    fn visit(&self) -> (SignedDuration, (SignedDuration, SignedDuration)) {
        let none = SignedDuration::ZERO;
        let asked = (minutes(self.search.minutes.unwrap_or_default()), (none, none));
        self.visit_type.map_or(asked, |visit_type| {
            let before = minutes(visit_type.buffer_before_minutes);
            let after = minutes(visit_type.buffer_after_minutes);
            (minutes(visit_type.duration_minutes), (before, after))
        })
    }

    /// The first instant that can't be booked yet.
    fn horizon(&self) -> Timestamp {
        let last = self.now.saturating_add(HORIZON).unwrap_or(Timestamp::MAX);
        last.saturating_add(SignedDuration::from_secs(1)).unwrap_or(last)
    }
}

fn minutes(minutes: u16) -> SignedDuration {
    SignedDuration::from_mins(i64::from(minutes))
}
