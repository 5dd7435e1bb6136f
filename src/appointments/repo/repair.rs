//! The repair of day sheets, links and pointers that differ from the appointments. It is safe while
//! the service runs: each repair is a transaction on the condition that the sheet and the
//! appointment are unchanged since they were read.

use jiff::{Timestamp, civil::Date};

use super::{
    entries::{Named, Settled, settle, unchanged},
    find::{AppointmentPointer, absent_or_of, locate, pointer_to},
    links::AppointmentLink,
    verify::{Compared, LoneEnd, Lost, Mismatch, Verification},
};
use crate::{
    appointments::model::Appointment,
    id::{AppointmentId, OrgId, random_token},
    scheduling::{
        model::{DaySheet, SheetOwner},
        repo::sheet_key,
    },
    store::{Entity, Key, Record as _, Store, StoreError, WriteContext, keys, write::Write},
};

/// The subject that is stored as the writer of a repaired sheet.
const SUBJECT: &str = "table verify --repair";

/// The result of a repair. Mismatches of the verification that are in neither list no longer
/// existed.
#[derive(Debug, Default)]
pub struct Repair {
    /// The repaired mismatches, by sheet.
    pub repaired: Vec<(Key, Mismatch)>,
    /// The mismatches that need a decision by a person.
    pub left: Vec<(Key, Mismatch)>,
}

/// Makes sheets, links and pointers agree with the appointments, for every mismatch that a
/// verification found. Overlapping appointments stay, because a program cannot know which one is
/// right. After an error, another run repairs the rest.
pub async fn repair(
    store: &Store,
    found: &Verification,
    now: Timestamp,
) -> Result<Repair, StoreError> {
    let mut repair = Repair::default();
    // Pointers come first, because the other repairs find appointments by id.
    for lost in found.lost() {
        let outcome = settle_pointer(store, lost, now).await?;
        let mismatch = Mismatch::Lost(lost.pointer.appointment_id.clone());
        repair.note(&outcome, lost.key.clone(), mismatch);
    }
    for (sheet, compared) in found.sheets() {
        for mismatch in compared.mismatches() {
            let key = sheet_key(&sheet.0, sheet.1);
            let outcome = match &mismatch {
                Mismatch::Overlap(one, other) => overlap(store, &key, one, other).await?,
                Mismatch::Missing(id) | Mismatch::Stray(id) | Mismatch::Differs(id)
                    if found.is_stored_once(id) =>
                {
                    settle_entry(store, sheet, compared, id, now).await?
                }
                _ => Outcome::Left,
            };
            repair.note(&outcome, key, mismatch);
        }
    }
    for (key, end) in &found.unmatched {
        let outcome = if found.is_stored_once(&end.link.appointment_id) {
            settle_link(store, end, now).await?
        } else {
            Outcome::Left
        };
        repair.note(&outcome, key.clone(), end.mismatch.clone());
    }
    for (id, keys) in &found.twice {
        // An appointment that was moved during the verification is counted under both keys.
        if store.batch_get(keys).await?.len() == keys.len() {
            repair.left.push((keys[1].clone(), Mismatch::Twice(id.clone())));
        }
    }
    // Only a move of the appointment corrects that.
    repair.left.extend(found.shifted.iter().cloned());
    Ok(repair)
}

impl Repair {
    fn note(&mut self, outcome: &Outcome, key: Key, mismatch: Mismatch) {
        match outcome {
            Outcome::Repaired => self.repaired.push((key, mismatch)),
            Outcome::Settled => {}
            Outcome::Left => self.left.push((key, mismatch)),
        }
    }
}

enum Outcome {
    Repaired,
    /// The service has changed the sheet or the appointment in the meantime, and they agree.
    Settled,
    Left,
}

/// Makes one entry of a sheet agree with its appointment. If the appointment that the verification
/// found cannot be found by its id, the entry stays, so that the time stays taken.
async fn settle_entry(
    store: &Store,
    (owner, date): &(SheetOwner, Date),
    Compared { org, entries }: &Compared,
    id: &AppointmentId,
    now: Timestamp,
) -> Result<Outcome, StoreError> {
    let sides = entries.get(id).cloned().unwrap_or_default();
    let of_patient = sides.of_appointment.iter().chain(&sides.of_sheet);
    let mut of_patient = of_patient.filter_map(|entry| entry.clinic_id.as_ref());
    let Some(clinic) = owner.clinic_id().or_else(|| of_patient.next()) else {
        return Ok(Outcome::Left);
    };
    if sides.of_appointment.is_some()
        && locate(store, org, clinic, id, true).await?.is_none()
        && !is_deleted(store, id).await?
    {
        return Ok(Outcome::Left);
    }
    let named = Named { owner, date: *date, clinic, id };
    Ok(match settle(store, || context(org, now), named).await? {
        Settled::Changed => Outcome::Repaired,
        Settled::Agrees => Outcome::Settled,
    })
}

/// Makes the pointer of an appointment lead to its current key.
async fn settle_pointer(
    store: &Store,
    Lost { org, key, pointer }: &Lost,
    now: Timestamp,
) -> Result<Outcome, StoreError> {
    let mut backoff = store.backoff();
    loop {
        let stored = store.get::<AppointmentPointer>(&pointer.key(), true).await?;
        let Some(appointment) = store.get::<Appointment>(key, true).await? else {
            return Ok(Outcome::Settled);
        };
        if stored.is_some_and(|stored| stored.value == *pointer) {
            return Ok(Outcome::Settled);
        }
        let context = context(org, now);
        let put = pointer_to(&appointment, &context)?;
        let rests_on = Write::Check { key: key.clone(), condition: appointment.meta.unchanged() };
        if store.try_commit(&context, vec![put, rests_on]).await? {
            return Ok(Outcome::Repaired);
        }
        if !backoff.pause().await {
            return Err(StoreError::Contention);
        }
    }
}

/// Writes a missing link, or removes a link without an appointment.
async fn settle_link(
    store: &Store,
    LoneEnd { org, link, mismatch }: &LoneEnd,
    now: Timestamp,
) -> Result<Outcome, StoreError> {
    let (clinic, id, key) = (&link.clinic_id, &link.appointment_id, link.key());
    let mut backoff = store.backoff();
    loop {
        let stored = store.get::<AppointmentLink>(&key, true).await?;
        let appointment = locate(store, org, clinic, id, true).await?;
        let wanted = appointment.as_ref().and_then(|one| AppointmentLink::to(&one.value));
        let wanted = wanted.filter(|wanted| wanted.key() == key);
        if stored.as_ref().map(|stored| &stored.value) == wanted.as_ref() {
            let lost = appointment.is_none() && matches!(mismatch, Mismatch::Unlinked(_));
            // The appointment that the verification found cannot be found by its id.
            let left = lost && !is_deleted(store, id).await?;
            return Ok(if left { Outcome::Left } else { Outcome::Settled });
        }
        let context = context(org, now);
        let condition = absent_or_of(id);
        let write = match wanted {
            Some(wanted) => {
                Write::Put { item: Entity::new(wanted, &context).to_item()?, condition }
            }
            None => Write::Delete { key: key.clone(), condition },
        };
        let rests_on = unchanged(appointment.as_ref(), link.target());
        if store.try_commit(&context, vec![write, rests_on]).await? {
            return Ok(Outcome::Repaired);
        }
        if !backoff.pause().await {
            return Err(StoreError::Contention);
        }
    }
}

async fn is_deleted(store: &Store, id: &AppointmentId) -> Result<bool, StoreError> {
    Ok(store.get_item(&keys::deleted_appointment(id), true).await?.is_some())
}

/// Returns a context with a new request id for each attempt. The stored id tells a retry whether a
/// write was its own.
fn context(org: &OrgId, now: Timestamp) -> WriteContext {
    WriteContext::internal(org.clone(), SUBJECT, random_token(), now)
}

/// Checks whether two appointments still overlap in their sheet.
async fn overlap(
    store: &Store,
    sheet: &Key,
    one: &AppointmentId,
    other: &AppointmentId,
) -> Result<Outcome, StoreError> {
    let Some(sheet) = store.get::<DaySheet>(sheet, true).await? else {
        return Ok(Outcome::Settled);
    };
    let entry = |id| sheet.value.entries.get(id).filter(|entry| !entry.overbooked);
    let overlap = entry(one).zip(entry(other)).is_some_and(|(one, other)| one.overlaps(other));
    Ok(if overlap { Outcome::Left } else { Outcome::Settled })
}
