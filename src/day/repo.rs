//! A clinic's day: its setup, the day's exceptions and day sheets, and a page of its appointments,
//! read in one round trip.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};

use crate::{
    appointments::{model::Appointment, repo::Dates},
    id::{ClinicId, OrgId, StaffId},
    overview::{model::Setup, repo::setup},
    records::{exceptions, staff::model::StaffMember},
    scheduling::{
        model::{Calendar, DaySheet, SheetOwner},
        repo::sheets_of_clinic,
    },
    store::{
        Entity, Store, StoreError, keys,
        read::{List, PageRequest, Position},
    },
    time::{Spans, Wall, Zone, utc_date},
};

/// A clinic's day, with a page of its appointments.
#[derive(Debug)]
pub struct Day {
    /// The clinic's time zone.
    pub zone: Zone,
    /// The clinic's staff members, and deleted ones with appointments on this page.
    pub staff: Vec<StaffDay>,
    /// The position after this page, if there are more appointments.
    pub next: Option<Position>,
}

/// A staff member's day.
#[derive(Debug)]
pub struct StaffDay {
    /// The staff member.
    pub staff_id: StaffId,
    /// The record, unless the staff member was deleted.
    pub member: Option<StaffMember>,
    /// The working time.
    pub working: Spans,
    /// The working time that is free.
    pub free: Spans,
    /// This page's appointments that take place on the day, by start. Includes cancelled ones.
    pub appointments: Vec<Entity<Appointment>>,
}

/// Reads a clinic's day: four Queries in parallel. The Query of appointments reads a page of at
/// most 1 MB.
pub async fn day(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    date: Date,
    now: Timestamp,
    page: PageRequest,
) -> Result<Day, StoreError> {
    let (before, after) = (date.yesterday().unwrap_or(date), date.tomorrow().unwrap_or(date));
    // An appointment of the day before may continue. In descending order it comes after those of
    // the day itself.
    let range = keys::appointments_of_clinic(clinic, Dates::Between(before, date));
    // Waits for all four, so that another organisation's clinic takes as long as a missing one.
    let (setup, exceptions, sheets, found) = tokio::join!(
        setup(store, org, clinic, now),
        exceptions::repo::at_clinic(store, org, clinic, (date, date)),
        // The UTC dates that the day touches, in any time zone.
        sheets_of_clinic(store, org, clinic, (before, after)),
        store.list_of_org::<Appointment>(org, List::of(range, page).descending(true)),
    );
    let (setup, exceptions, mut sheets, found) = (setup?, exceptions?, sheets?, found?);
    let zone = setup.clinic.time_zone.clone();
    let wall = Wall::new(&zone, date, date);
    let whole = wall.whole();
    let mut by_staff: BTreeMap<StaffId, Vec<Entity<Appointment>>> = BTreeMap::new();
    for appointment in found.items.into_iter().filter(|found| touches(&found.value, date, &whole)) {
        by_staff.entry(appointment.value.staff_id.clone()).or_default().push(appointment);
    }
    let Setup { clinic, staff, .. } = setup;
    let calendar = Calendar::new(&wall, &exceptions, clinic.opening_hours.as_deref());
    let mut days: Vec<_> = staff
        .into_iter()
        .map(|member| {
            let appointments = by_staff.remove(&member.id).unwrap_or_default();
            let owner =
                SheetOwner::Staff { clinic_id: clinic.id.clone(), staff_id: member.id.clone() };
            let working = calendar.working(&owner, member.working_hours.as_deref());
            let working = working.unwrap_or_else(|| whole.clone());
            let taken = taken(&sheets.remove(&owner).unwrap_or_default(), now);
            // The free time of days whose sheets have expired is unknown, and nobody can book
            // there.
            let has_sheets = date > DaySheet::first_kept(utc_date(now));
            let free = if member.active && has_sheets {
                working.without(&taken)
            } else {
                Spans::default()
            };
            let staff_id = member.id.clone();
            StaffDay { staff_id, member: Some(member), working, free, appointments }
        })
        .collect();
    days.extend(by_staff.into_iter().map(|(staff_id, appointments)| {
        let (working, free) = Default::default();
        StaffDay { staff_id, member: None, working, free, appointments }
    }));
    for day in &mut days {
        day.appointments.sort_by_key(|found| (found.value.start, found.value.id.clone()));
    }
    Ok(Day { zone, staff: days, next: found.next })
}

/// Returns whether an appointment begins on a date or takes some of its time.
fn touches(appointment: &Appointment, date: Date, whole: &Spans) -> bool {
    let visit: Spans =
        [(appointment.start.as_second(), appointment.end().as_second())].into_iter().collect();
    appointment.date == date || whole.intersection(&visit).iter().next().is_some()
}

fn taken(sheets: &[DaySheet], now: Timestamp) -> Spans {
    let entries = sheets.iter().flat_map(|sheet| sheet.entries.values());
    let taken = entries.filter(|entry| !entry.has_lapsed(now));
    taken.map(|entry| (entry.start, entry.end)).collect()
}
