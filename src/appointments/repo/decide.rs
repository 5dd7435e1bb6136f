//! The decision on a draft: pure code between the reads and the transaction.

use super::{
    claims::{claims_of, entry_of, free_all, visit_of},
    find::{AppointmentPointer, absent_or_of},
    links::relink,
    snapshot::{Draft, Snapshot},
};
use crate::{
    appointments::model::{Appointment, Status},
    id::{AppointmentId, ClinicId, ResourceId},
    scheduling::{
        model::{Calendar, Claim, Clash, DaySheet, Party, decide as decide_time},
        repo::SheetChanges,
    },
    store::{
        Entity, Meta, Record as _, StoreError, WriteContext, guarded_delete::stays_active,
        write::Write,
    },
    time::Zone,
};

/// The rule that keeps an appointment from being booked, held, moved, confirmed, or taken a step.
#[derive(Debug, thiserror::Error)]
#[error("a rule refuses it")]
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
    /// The staff member takes no appointments.
    StaffInactive,
    /// The resource is out of use.
    ResourceInactive(ResourceId),
    /// No appointments are made for the patient.
    PatientInactive,
    /// The staff member's role does not give visits of this type.
    RoleNotAllowed,
    /// The time is not free; with the clinic's zone.
    Clash(Clash, Zone),
    /// The status life has no step from this status to that one.
    InvalidTransition(Status, Status),
    /// An appointment in this status can't be moved.
    NotMovable(Status),
    /// The hold has expired or was released.
    HoldExpired,
    /// The appointment is not held any more.
    NotHeld(Status),
    /// The patient was erased, and the appointment accepts no text any more.
    Erased,
    /// Neither the hold nor its confirmation names a patient.
    PatientMissing,
    /// The hold is for another patient.
    OtherPatient,
}

pub(super) fn decide<'a>(snapshot: &'a Snapshot, draft: &'a Draft) -> Result<Plan<'a>, Refusal> {
    let appointment = &draft.appointment.value;
    let clinic = snapshot.clinic.as_ref().ok_or(Refusal::UnknownClinic)?;
    let staff = snapshot.staff.as_ref().ok_or(Refusal::UnknownStaff)?;
    if appointment.patient_id.is_some() {
        let patient = snapshot.patient.as_ref().ok_or(Refusal::UnknownPatient)?;
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
    let calendar = snapshot
        .hours
        .as_ref()
        .map(|(wall, special)| Calendar::new(wall, special, &clinic.value.opening_hours));
    let working_hours = &staff.value.working_hours;
    let working = |claim: &Claim| calendar.as_ref()?.working(&claim.owner, working_hours);
    let working: Vec<_> = draft.claims.iter().map(working).collect();
    let visit = visit_of(appointment);
    let parties = draft.claims.iter().zip(&working).map(|(Claim { owner, slot }, working)| {
        let sheets = snapshot.sheets.iter().map(|sheet| &sheet.value);
        let sheets = sheets.filter(|sheet| sheet.owner == *owner);
        Party {
            before: visit.start.duration_since(slot.start),
            after: slot.end.duration_since(visit.end),
            working: working.as_ref(),
            ..Party::new(owner, sheets, Some(&appointment.id))
        }
    });
    let parties: Vec<_> = parties.collect();
    let lapsed = decide_time(&parties, &visit, appointment.overbooked, snapshot.now)
        .map_err(|clash| Refusal::Clash(clash, appointment.time_zone.clone()))?;
    Ok(Plan { snapshot, draft, lapsed })
}

fn is_bookable(meta: &Meta, active: bool) -> bool {
    active && meta.deleting.is_none()
}

/// The plan of a transaction that writes a draft.
pub(super) struct Plan<'a> {
    snapshot: &'a Snapshot,
    draft: &'a Draft,
    /// The lapsed holds whose time it takes. They have to be ended before it is written.
    pub(super) lapsed: Vec<(AppointmentId, ClinicId)>,
}

impl Plan<'_> {
    /// The writes of the transaction. The appointment is the first.
    pub(super) fn writes(&self, context: &WriteContext) -> Result<Vec<Write>, StoreError> {
        let Draft { appointment, replaces, claims, .. } = self.draft;
        let freed = replaces.as_ref().map(|freed| (&freed.value, claims_of(&freed.value)));
        let mut changes = SheetChanges::default();
        for claim in claims {
            let entry = entry_of(&appointment.value, claim);
            for (owner, date) in claim.sheets() {
                let is_sheet = |read: &DaySheet| read.owner == *owner && read.utc_date == date;
                let read = self.snapshot.sheets.iter().find(|read| is_sheet(&read.value));
                let read = read.map(|read| &read.meta);
                changes.occupy((owner, date), read, &appointment.value.id, entry.clone());
            }
        }
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

/// The writes that replace an appointment. Under another start they leave a pointer to there.
fn replace(
    context: &WriteContext,
    old: &Entity<Appointment>,
    new: &Entity<Appointment>,
) -> Result<Vec<Write>, StoreError> {
    if new.value.key() == old.value.key() {
        return Ok(vec![new.replace(old)?]);
    }
    let Appointment { id, date, start, .. } = &new.value;
    let pointer = AppointmentPointer { appointment_id: id.clone(), date: *date, start: *start };
    let mut pointer = Entity::new(pointer, context);
    // Whoever reads it twice sees whether the appointment was moved away and back in between.
    pointer.meta.rev = new.meta.rev;
    let pointer = Write::Put { item: pointer.to_item()?, condition: absent_or_of(id) };
    let delete = Write::Delete { key: old.value.key(), condition: old.meta.unchanged() };
    Ok(vec![new.create()?, delete, pointer])
}

#[cfg(test)]
mod tests;
