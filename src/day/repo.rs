//! A clinic's day out of the table: what the clinic works with, the day's exceptions and its appointments, read at once.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};

use crate::{
    appointments::{
        model::Appointment,
        repo::{Dates, Hours, claims_of, entry_of},
    },
    clinics::repo::{Setup, setup},
    exceptions,
    id::{ClinicId, OrgId, StaffId},
    schedule::model::SheetOwner,
    staff::model::StaffMember,
    store::{Entity, Store, StoreError, keys},
    time::{Spans, Wall, Zone},
};

/// A clinic's day.
#[derive(Debug)]
pub struct Day {
    /// The clinic's time zone.
    pub zone: Zone,
    /// Those who work at the clinic, and those who are gone and had appointments that day.
    pub staff: Vec<StaffDay>,
}

/// A staff member's day.
#[derive(Debug)]
pub struct StaffDay {
    /// Whose.
    pub staff_id: StaffId,
    /// Who they are, if they are still there.
    pub member: Option<StaffMember>,
    /// When they work.
    pub working: Spans,
    /// When they work and nothing takes their time.
    pub free: Spans,
    /// The appointments that begin that day, or go on in it, by their start; cancelled ones as well.
    pub appointments: Vec<Entity<Appointment>>,
}

/// A clinic's day: three Queries at once.
///
/// # Errors
/// [`StoreError::NotFound`] if there is no such clinic in the organisation, and whatever the database may answer.
pub async fn day(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    date: Date,
    now: Timestamp,
) -> Result<Day, StoreError> {
    // What began on the day before may go on.
    let dates = Dates::Between(date.yesterday().unwrap_or(date), date);
    let range = keys::appointments_of_clinic(clinic, dates);
    // All of them to their end, so that another organisation's clinic takes the time of one that is not there.
    let (setup, exceptions, found) = tokio::join!(
        setup(store, org, clinic),
        exceptions::repo::touching(store, org, clinic, (date, date), false),
        store.all_of_org::<Appointment>(org, range, false),
    );
    let (setup, exceptions, found) = (setup?, exceptions?, found?);
    let zone = setup.clinic.time_zone.clone();
    let wall = Wall::new(&zone, date, date);
    let whole = wall.whole();
    let mut by_staff: BTreeMap<StaffId, Vec<Entity<Appointment>>> = BTreeMap::new();
    for appointment in found.into_iter().filter(|found| touches(&found.value, date, &whole)) {
        by_staff.entry(appointment.value.staff_id.clone()).or_default().push(appointment);
    }
    let Setup { clinic, staff, .. } = setup;
    let hours = Hours::new(wall, exceptions);
    let open = hours.opening(&clinic.opening_hours);
    let mut days: Vec<_> = staff
        .into_iter()
        .map(|member| {
            let appointments = by_staff.remove(&member.id).unwrap_or_default();
            let owner =
                SheetOwner::Staff { clinic_id: clinic.id.clone(), staff_id: member.id.clone() };
            let working = open.of_all([&owner].into_iter(), &member.working_hours).remove(&owner);
            let working = working.unwrap_or_else(|| whole.clone());
            StaffDay::new(member.id.clone(), Some(member), working, appointments, now)
        })
        .collect();
    let gone = by_staff.into_iter();
    days.extend(
        gone.map(|(id, appointments)| StaffDay::new(id, None, Spans::default(), appointments, now)),
    );
    Ok(Day { zone, staff: days })
}

/// Whether it begins on a date, or takes some of its time.
fn touches(appointment: &Appointment, date: Date, whole: &Spans) -> bool {
    let visit: Spans =
        [(appointment.start.as_second(), appointment.end().as_second())].into_iter().collect();
    appointment.date == date || whole.intersection(&visit).iter().next().is_some()
}

impl StaffDay {
    fn new(
        staff_id: StaffId,
        member: Option<StaffMember>,
        working: Spans,
        mut appointments: Vec<Entity<Appointment>>,
        now: Timestamp,
    ) -> Self {
        appointments.sort_by_key(|found| (found.value.start, found.value.id.clone()));
        let taken: Spans =
            appointments.iter().filter_map(|found| taken(&found.value, now)).collect();
        let takes = member.as_ref().is_some_and(|member| member.active);
        let free = if takes { working.without(&taken) } else { Spans::default() };
        Self { staff_id, member, working, free, appointments }
    }
}

/// What an appointment takes of its staff member's time.
fn taken(appointment: &Appointment, now: Timestamp) -> Option<(i64, i64)> {
    let claim = claims_of(appointment).into_iter().next()?;
    let entry = entry_of(appointment, &claim.slot);
    let takes = appointment.status.is_occupying() && !entry.has_lapsed(now);
    takes.then_some((entry.start, entry.end))
}
