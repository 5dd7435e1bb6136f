//! The claims of an appointment: the time that it takes, and its entries in day sheets.

use crate::{
    appointments::model::{Appointment, Status, minutes},
    scheduling::{
        model::{Claim, Entry, HoldMark, SheetOwner, Slot},
        repo::SheetChanges,
    },
    store::{StoreError, WriteContext, write::Write},
};

/// The visit itself, without buffers.
pub(super) fn visit_of(appointment: &Appointment) -> Slot {
    Slot { start: appointment.start, end: appointment.end() }
}

/// The claims on the staff member, the resources and the patient, in this order. The patient's has no buffers.
pub fn claims_of(appointment: &Appointment) -> Vec<Claim> {
    let Appointment { clinic_id, staff_id, resource_ids, .. } = appointment;
    let visit = visit_of(appointment);
    let buffers = (appointment.buffer_before_minutes, appointment.buffer_after_minutes);
    let whole = visit.widened(minutes(buffers.0), minutes(buffers.1));
    let at_clinic = SheetOwner::at_clinic(clinic_id, staff_id, resource_ids);
    let mut claims: Vec<_> = at_clinic.map(|owner| Claim { owner, slot: whole }).collect();
    claims.extend(appointment.patient_id.iter().map(|patient_id| {
        let owner = SheetOwner::Patient { patient_id: patient_id.clone() };
        Claim { owner, slot: visit }
    }));
    claims
}

/// The entry in a sheet of which the appointment claims `slot`.
pub fn entry_of(appointment: &Appointment, slot: &Slot) -> Entry {
    let held = (appointment.status == Status::Held).then_some(appointment.hold_expires_at);
    let hold = held.flatten().map(|expires_at| HoldMark {
        expires_at: expires_at.as_second(),
        clinic_id: appointment.clinic_id.clone(),
    });
    Entry { hold, overbooked: appointment.overbooked, ..slot.entry() }
}

/// Removes an appointment from all sheets of its claims.
pub(super) fn free_all<'a>(
    changes: &mut SheetChanges<'a>,
    appointment: &'a Appointment,
    claims: &'a [Claim],
) {
    for sheet in claims.iter().flat_map(Claim::sheets) {
        changes.free(sheet, &appointment.id);
    }
}

/// The writes that remove an appointment from all its sheets.
pub(super) fn freeing(
    context: &WriteContext,
    appointment: &Appointment,
) -> Result<Vec<Write>, StoreError> {
    let claims = claims_of(appointment);
    let mut changes = SheetChanges::default();
    free_all(&mut changes, appointment, &claims);
    changes.into_writes(context)
}
