//! The appointments of a merged patient. Each moves to the other patient in one transaction. A
//! repeated request moves the rest.

use super::{
    claims::{claims_of, entry_of, free_all, occupy_all, visit_of},
    lapsed,
    links::{AppointmentLink, links_of_patient, relink},
    schedule::{unless_changed, until_committed},
};
use crate::{
    appointments::model::Appointment,
    error::ApiError,
    id::{AppointmentId, ClinicId, PatientId},
    records::patients::{
        self,
        model::{KeptAppointment, Merge, Patient, search::PatientSearch},
    },
    scheduling::{
        model::{Claim, DaySheet, Party, decide},
        repo::{SheetChanges, sheet_key},
    },
    store::{
        Entity, Precondition, Store, StoreError, WriteContext, keys, read::PageRequest,
        write::Write,
    },
};

const READ_AT_ONCE: u16 = 250;
/// The maximum number of appointments that the answer lists.
const MAX_KEPT: usize = 100;

/// Merges a patient into another one, or returns the earlier response under the same
/// `Idempotency-Key`. First the record, so that nothing new is booked for the merged patient. Then
/// one pass moves all appointments. After an error, a repeated request moves the rest.
pub async fn merge_patients(
    store: &Store,
    search: &PatientSearch,
    context: &WriteContext,
    id: &PatientId,
    into: &PatientId,
) -> Result<Entity<Merge>, ApiError> {
    if let Some(done) = store.replay(context).await? {
        return Ok(done);
    }
    // Only the last write stores the response under the `Idempotency-Key`.
    let of_record = WriteContext { idempotency: None, ..context.clone() };
    patients::repo::merge(store, search, &of_record, id, into).await?;
    // The caller's precondition is about the patient's record.
    let last = WriteContext { precondition: Precondition::None, ..context.clone() };
    let of_appointments = WriteContext { precondition: Precondition::None, ..of_record };
    let kept = move_all(store, &of_appointments, id, into).await?;
    let finished = patients::repo::finish(store, &last, id, into, &kept).await;
    Ok(finished.map_err(StoreError::after_writes)?)
}

/// The result of the attempt to move an appointment.
enum Outcome {
    /// It belongs to the other patient, or was deleted.
    Done,
    /// It overlaps another appointment of the other patient.
    Kept(KeptAppointment),
    /// The other patient was merged into this one.
    Merged(PatientId),
    /// The other patient cannot take it.
    Refused(ApiError),
}

/// Moves all appointments of a merged patient. Returns those that stay.
async fn move_all(
    store: &Store,
    context: &WriteContext,
    from: &PatientId,
    into: &PatientId,
) -> Result<Vec<KeptAppointment>, ApiError> {
    let (mut kept, mut to, mut after) = (Vec::new(), into.clone(), None);
    loop {
        let page = PageRequest { after, limit: READ_AT_ONCE, consistent: true };
        let links = links_of_patient(store, &context.org, from, page).await;
        let links = links.map_err(StoreError::after_writes)?;
        // One after the other, because those of one day change the same sheets.
        for link in links.items {
            loop {
                let attempt = || try_move(store, context, &link.value, &to);
                let outcome: Result<_, StoreError> = until_committed(store, attempt).await;
                match outcome.map_err(StoreError::after_writes)? {
                    Outcome::Done => {}
                    Outcome::Kept(appointment) => kept.push(appointment),
                    Outcome::Merged(next) => {
                        to = next;
                        continue;
                    }
                    Outcome::Refused(refusal) => return Err(refusal),
                }
                break;
            }
        }
        after = links.next;
        if after.is_none() {
            kept.truncate(MAX_KEPT);
            return Ok(kept);
        }
    }
}

/// Moves the appointment of a link to another patient: one GetItem, one BatchGetItem, one
/// TransactWriteItems. Returns `None` if a record changed in between, or if lapsed holds had to be
/// ended first.
async fn try_move(
    store: &Store,
    context: &WriteContext,
    link: &AppointmentLink,
    to: &PatientId,
) -> Result<Option<Outcome>, StoreError> {
    let is_linked = |found: &Entity<Appointment>| {
        found.meta.org == context.org && found.value.patient_id.as_ref() == Some(&link.patient_id)
    };
    let found = store.get::<Appointment>(&link.target(), true).await?;
    let Some(current) = found.filter(is_linked) else { return Ok(Some(Outcome::Done)) };
    let value = Appointment { patient_id: Some(to.clone()), ..current.value.clone() };
    let moved = current.changed(value, context);
    let (claims, freed) = (claims_of_patient(&moved.value), claims_of_patient(&current.value));
    let sheets = claims.iter().flat_map(Claim::sheets);
    let mut wanted: Vec<_> = sheets.map(|(owner, date)| sheet_key(owner, date)).collect();
    let patient = keys::patient(to);
    wanted.push(patient.clone());
    let mut found = store.batch_get(&wanted).await?;
    let survivor = found.remove(&patient).map(Entity::<Patient>::from_item).transpose()?;
    let Some(survivor) = survivor.filter(|survivor| survivor.meta.org == context.org) else {
        return Ok(Some(Outcome::Refused(patients::repo::unknown_survivor())));
    };
    if let Some(next) = survivor.value.merged_into {
        return Ok(Some(Outcome::Merged(next)));
    }
    if survivor.meta.is_being_deleted(context.now) {
        return Ok(Some(Outcome::Refused(patients::repo::being_deleted(to))));
    }
    let sheets = found.into_values().map(Entity::<DaySheet>::from_item);
    let sheets = sheets.collect::<Result<Vec<_>, _>>()?;
    let Some(lapsed) = lapsed_in_the_way(context, &moved.value, &claims, &sheets) else {
        return Ok(Some(Outcome::Kept(kept(&current.value))));
    };
    if !lapsed.is_empty() {
        lapsed::end(store, context, &lapsed, &sheets).await?;
        return Ok(None);
    }
    let mut writes = vec![moved.replace(&current)?];
    writes.extend(relink(context, Some(&current.value), Some(&moved.value))?);
    let mut changes = SheetChanges::default();
    occupy_all(&mut changes, &moved.value, &claims, &sheets);
    free_all(&mut changes, &current.value, &freed);
    writes.extend(changes.into_writes(context)?);
    let condition = patients::repo::stays_unmerged(&context.org);
    writes.push(Write::Check { key: patient, condition });
    let committed = unless_changed(store.commit(context, writes).await)?;
    Ok(committed.map(|_| Outcome::Done))
}

/// Returns the time that an appointment takes from its patient.
fn claims_of_patient(appointment: &Appointment) -> Vec<Claim> {
    let mut claims =
        if appointment.status.is_occupying() { claims_of(appointment) } else { Vec::new() };
    claims.retain(|claim| claim.owner.clinic_id().is_none());
    claims
}

/// Returns the lapsed holds that must be ended before a patient takes an appointment, by the rules
/// of a booking. `None` if the patient is not free. An appointment that is itself a lapsed hold must
/// be ended, too.
fn lapsed_in_the_way(
    context: &WriteContext,
    moved: &Appointment,
    claims: &[Claim],
    sheets: &[Entity<DaySheet>],
) -> Option<Vec<(AppointmentId, ClinicId)>> {
    if claims.iter().any(|claim| entry_of(moved, claim).has_lapsed(context.now)) {
        return Some(vec![(moved.id.clone(), moved.clinic_id.clone())]);
    }
    let party = |owner| {
        let sheets = sheets.iter().map(|sheet| &sheet.value);
        Party::new(owner, sheets, Some(&moved.id))
    };
    let parties: Vec<_> = claims.iter().map(|claim| party(&claim.owner)).collect();
    decide(&parties, &visit_of(moved), moved.overbooked, context.now).ok()
}

fn kept(appointment: &Appointment) -> KeptAppointment {
    KeptAppointment {
        appointment_id: appointment.id.clone(),
        clinic_id: appointment.clinic_id.clone(),
        start: appointment.time_zone.with_offset(appointment.start),
    }
}
