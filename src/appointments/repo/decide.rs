//! The decision on a draft: pure code between the reads and the transaction.

use jiff::Timestamp;

use super::{
    claims::{claims_of, free_all, occupy_all, visit_of},
    find::pointer_to,
    links::relink,
    snapshot::{Draft, Snapshot},
};
use crate::{
    appointments::model::{Appointment, Status},
    id::{AppointmentId, ClinicId, PatientId, ResourceId},
    scheduling::{
        model::{
            Calendar, Claim, Clash, DaySheet, Obstacle, Party, SpecialHours, decide as decide_time,
        },
        repo::SheetChanges,
    },
    store::{
        Entity, Meta, Record as _, StoreError, WriteContext, guarded_delete::stays_active,
        write::Write,
    },
    time::{Spans, Wall, Zone},
};

/// The rule by which a booking, a hold, a move, a confirmation or a status change is refused.
#[derive(Debug, thiserror::Error)]
#[error("refused by a booking rule")]
pub enum Refusal {
    /// The organisation has no such clinic.
    UnknownClinic,
    /// The clinic has no such staff member.
    UnknownStaff,
    /// The clinic has no such resource.
    UnknownResource,
    /// The organisation has no such patient.
    UnknownPatient,
    /// The clinic has no such visit type.
    UnknownVisitType,
    /// The staff member is inactive or being deleted.
    StaffInactive,
    /// The resource is inactive or being deleted.
    ResourceInactive(ResourceId),
    /// The patient is inactive or being deleted.
    PatientInactive,
    /// The patient was merged into this one.
    PatientMerged(PatientId),
    /// The visit type does not allow the staff member's role.
    RoleNotAllowed,
    /// The time is not free. Carries the nearest free starts and the clinic's time zone.
    Clash(Clash, Vec<Timestamp>, Zone),
    /// The first status can't change to the second one.
    InvalidTransition(Status, Status),
    /// The status is an outcome, but the day of the visit has not begun. Carries the first instant
    /// of that day and the clinic's time zone.
    BeforeVisitDay(Status, Timestamp, Zone),
    /// An appointment in this status can't be moved.
    NotMovable(Status),
    /// The hold has expired or was released.
    HoldExpired,
    /// The appointment is not a hold.
    NotHeld(Status),
    /// The patient was erased, so the appointment accepts no texts.
    Erased,
    /// Neither the hold nor its confirmation has a patient.
    PatientMissing,
    /// The hold is for another patient.
    OtherPatient,
}

pub(super) fn decide<'a>(snapshot: &'a Snapshot, draft: &'a Draft) -> Result<Plan<'a>, Refusal> {
    let appointment = &draft.appointment.value;
    if snapshot.clinic.is_none() {
        return Err(Refusal::UnknownClinic);
    }
    let staff = snapshot.staff.as_ref().ok_or(Refusal::UnknownStaff)?;
    let is_bookable = |meta: &Meta, active: bool| active && !meta.is_being_deleted(snapshot.now);
    if appointment.patient_id.is_some() {
        let patient = snapshot.patient.as_ref().ok_or(Refusal::UnknownPatient)?;
        if let Some(merged_into) = &patient.value.merged_into {
            return Err(Refusal::PatientMerged(merged_into.clone()));
        }
        if !is_bookable(&patient.meta, patient.value.active) {
            return Err(Refusal::PatientInactive);
        }
    }
    for id in &appointment.resource_ids {
        let resource = snapshot.resources.iter().find(|resource| resource.value.id == *id);
        let resource = resource.ok_or(Refusal::UnknownResource)?;
        if !is_bookable(&resource.meta, resource.value.active) {
            return Err(Refusal::ResourceInactive(id.clone()));
        }
    }
    if !is_bookable(&staff.meta, staff.value.active) {
        return Err(Refusal::StaffInactive);
    }
    if !draft.roles.is_empty() && !draft.roles.contains(&staff.value.role) {
        return Err(Refusal::RoleNotAllowed);
    }
    let visit = visit_of(appointment);
    let zone = &appointment.time_zone;
    let day = zone.local_date(visit.start);
    let wall = Wall::new(zone, day, day.tomorrow().unwrap_or(day));
    let calendar = calendar(snapshot, snapshot.special_hours.as_deref(), &wall);
    let working = working(calendar.as_ref(), snapshot, draft);
    let parties = parties(draft, &working, &snapshot.sheets);
    let lapsed = decide_time(&parties, &visit, appointment.overbooked, snapshot.now).map_err(
        |mut clash| {
            if clash.obstacle == Obstacle::OffHours
                && calendar.as_ref().is_some_and(|calendar| !calendar.is_open(&visit))
            {
                clash.obstacle = Obstacle::Closed;
            }
            Refusal::Clash(clash, Vec::new(), zone.clone())
        },
    )?;
    Ok(Plan { snapshot, draft, lapsed })
}

/// Returns the calendar of a draft's clinic for the days of `wall`. `None` if `special_hours` is
/// `None`: then all time counts as working time.
pub(super) fn calendar<'a>(
    snapshot: &'a Snapshot,
    special_hours: Option<&'a [SpecialHours]>,
    wall: &'a Wall,
) -> Option<Calendar<'a>> {
    let opening = snapshot.clinic.as_ref().and_then(|clinic| clinic.value.opening_hours.as_deref());
    special_hours.map(|special| Calendar::new(wall, special, opening))
}

/// Returns the working time of each owner of a draft's claims. `None` means always.
pub(super) fn working(
    calendar: Option<&Calendar<'_>>,
    snapshot: &Snapshot,
    draft: &Draft,
) -> Vec<Option<Spans>> {
    let hours = snapshot.staff.as_ref().and_then(|staff| staff.value.working_hours.as_deref());
    let working = |claim: &Claim| calendar?.working(&claim.owner, hours);
    draft.claims.iter().map(working).collect()
}

/// Returns the parties of a draft, with their working time and their entries in the sheets.
pub(super) fn parties<'a>(
    draft: &'a Draft,
    working: &'a [Option<Spans>],
    sheets: &'a [Entity<DaySheet>],
) -> Vec<Party<'a>> {
    let appointment = &draft.appointment.value;
    let visit = visit_of(appointment);
    let party = |(Claim { owner, slot }, working): (&'a Claim, &'a Option<Spans>)| {
        let sheets = sheets.iter().map(|sheet| &sheet.value);
        let sheets = sheets.filter(|sheet| sheet.owner == *owner);
        Party {
            before: visit.start.duration_since(slot.start),
            after: slot.end.duration_since(visit.end),
            working: working.as_ref(),
            ..Party::new(owner, sheets, Some(&appointment.id))
        }
    };
    draft.claims.iter().zip(working).map(party).collect()
}

/// The plan of the transaction that writes a draft.
pub(super) struct Plan<'a> {
    snapshot: &'a Snapshot,
    draft: &'a Draft,
    /// The lapsed holds whose time the draft takes. They must be ended before it is written.
    pub(super) lapsed: Vec<(AppointmentId, ClinicId)>,
}

impl Plan<'_> {
    /// Returns the writes of the transaction. The appointment is the first.
    pub(super) fn writes(&self, context: &WriteContext) -> Result<Vec<Write>, StoreError> {
        let Draft { appointment, replaces, claims, .. } = self.draft;
        let freed = replaces.as_ref().map(|freed| (&freed.value, claims_of(&freed.value)));
        let mut changes = SheetChanges::default();
        occupy_all(&mut changes, &appointment.value, claims, &self.snapshot.sheets);
        if let Some((freed, claims)) = &freed {
            free_all(&mut changes, freed, claims);
        }
        let mut writes = match replaces {
            None => vec![appointment.create()?],
            Some(replaced) => replace(context, replaced, appointment)?,
        };
        let replaced = replaces.as_ref().map(|replaced| &replaced.value);
        writes.extend(relink(context, replaced, Some(&appointment.value))?);
        writes.extend(changes.into_writes(context)?);
        let condition = stays_active(&context.org);
        let check = |key| Write::Check { key, condition: condition.clone() };
        writes.extend(self.draft.people().map(check));
        Ok(writes)
    }
}

/// Returns the writes that replace an appointment. A new start means a new key, so they include a
/// pointer to it.
fn replace(
    context: &WriteContext,
    old: &Entity<Appointment>,
    new: &Entity<Appointment>,
) -> Result<Vec<Write>, StoreError> {
    if new.value.key() == old.value.key() {
        return Ok(vec![new.replace(old)?]);
    }
    Ok(vec![new.create()?, old.delete(), pointer_to(new, context)?])
}

#[cfg(test)]
mod tests;
