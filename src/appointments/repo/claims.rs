//! What an appointment takes of whom, and how that stands in day sheets.

use jiff::SignedDuration;

use crate::{
    appointments::model::{Appointment, Status},
    schedule::{
        model::{Claim, Entry, HoldMark, SheetOwner, Slot},
        repo::SheetChanges,
    },
};

/// The visit itself.
pub(super) fn visit_of(appointment: &Appointment) -> Slot {
    Slot { start: appointment.start, end: appointment.end() }
}

/// What staff and resources need before and after it.
pub(super) fn buffers_of(appointment: &Appointment) -> (SignedDuration, SignedDuration) {
    let minutes = |minutes: u16| SignedDuration::from_mins(i64::from(minutes));
    (minutes(appointment.buffer_before_minutes), minutes(appointment.buffer_after_minutes))
}

/// What it takes, of the staff member first, the patient last; what others need around it, patients do not.
#[must_use]
pub fn claims_of(appointment: &Appointment) -> Vec<Claim> {
    let visit = visit_of(appointment);
    let (before, after) = buffers_of(appointment);
    let whole = visit.widened(before, after);
    let Appointment { clinic_id, staff_id, resource_ids, .. } = appointment;
    let at_clinic = SheetOwner::at_clinic(clinic_id, staff_id, resource_ids);
    let mut claims: Vec<_> = at_clinic.map(|owner| Claim { owner, slot: whole }).collect();
    claims.extend(appointment.patient_id.iter().map(|patient_id| {
        let owner = SheetOwner::Patient { patient_id: patient_id.clone() };
        Claim { owner, slot: visit }
    }));
    claims
}

/// How it stands in a sheet that it claims `slot` of.
#[must_use]
pub fn entry_of(appointment: &Appointment, slot: &Slot) -> Entry {
    let held = (appointment.status == Status::Held).then_some(appointment.hold_expires_at);
    let hold = held.flatten().map(|expires_at| HoldMark {
        expires_at: expires_at.as_second(),
        clinic_id: appointment.clinic_id.clone(),
    });
    Entry { hold, overbooked: appointment.overbooked, ..slot.entry() }
}

/// Takes an appointment out of all sheets of its claims.
pub(super) fn free_all<'a>(
    changes: &mut SheetChanges<'a>,
    appointment: &'a Appointment,
    claims: &'a [Claim],
) {
    for sheet in claims.iter().flat_map(Claim::sheets) {
        changes.free(sheet, &appointment.id);
    }
}
