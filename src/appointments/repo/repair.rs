//! The repair of day sheets and links that differ from the appointments. It is safe beside a running service: each repair is a transaction
//! on the condition that the sheet and the appointment are as they were read.

use jiff::{Timestamp, civil::Date};

use super::{
    claims::{claims_of, entry_of},
    find::{absent_or_of, locate},
    links::AppointmentLink,
    verify::{Compared, LoneEnd, Mismatch, Verification},
};
use crate::{
    appointments::model::Appointment,
    id::{AppointmentId, random_token},
    scheduling::{
        model::{DaySheet, SheetOwner},
        repo::{SheetChanges, sheet_key},
    },
    store::{
        Entity, Key, Record as _, Store, StoreError, WriteContext, expression::Condition, keys,
        retry::Backoff, write::Write,
    },
};

/// Who is named as the writer of a repaired sheet.
const SUBJECT: &str = "table verify --repair";

/// The result of a repair. Mismatches of the verification that are in neither list had been settled meanwhile.
#[derive(Debug, Default)]
pub struct Repair {
    /// The mismatches that it repaired, by sheet.
    pub repaired: Vec<(Key, Mismatch)>,
    /// The mismatches that are left: a person has to decide.
    pub left: Vec<(Key, Mismatch)>,
}

/// Makes the sheets and links what the appointments say, wherever a verification found that they differ. Appointments that overlap stay:
/// nobody can tell which one is right. After an error, another run repairs the others.
pub async fn repair(
    store: &Store,
    found: &Verification,
    now: Timestamp,
) -> Result<Repair, StoreError> {
    let mut repair = Repair::default();
    for (sheet, compared) in found.sheets() {
        for mismatch in compared.mismatches() {
            let key = sheet_key(&sheet.0, sheet.1);
            let outcome = match &mismatch {
                Mismatch::Overlap(one, other) => overlap(store, &key, one, other).await?,
                Mismatch::Missing(id) | Mismatch::Stray(id) | Mismatch::Differs(id)
                    if found.is_stored_once(id) =>
                {
                    settle(store, sheet, compared, id, now).await?
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
    repair.left.extend(found.twice());
    // Only moving the appointment sets that right.
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
    /// The service itself has changed the sheet or the appointment meanwhile, and they agree.
    Settled,
    Left,
}

/// Makes one entry of a sheet what its appointment says.
///
/// The sheet is read before the appointment. Whatever makes an appointment take time of a sheet writes that sheet, so an
/// appointment that is not there cannot appear behind a sheet that stays as it was read.
async fn settle(
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
    let sheet = (owner, *date);
    let mut backoff = Backoff::default();
    loop {
        let read = store.get::<DaySheet>(&sheet_key(owner, *date), true).await?;
        let appointment = locate(store, org, clinic, id, true).await?;
        let was_there = sides.of_appointment.is_some();
        if appointment.is_none() && was_there && !is_deleted(store, id).await? {
            // Its id does not lead to it: its time must stay taken.
            return Ok(Outcome::Left);
        }
        let occupying = appointment.iter().filter(|one| one.value.status.is_occupying());
        let claims: Vec<_> = occupying.flat_map(|one| claims_of(&one.value)).collect();
        let claim = claims.iter().find(|claim| claim.sheets().any(|claimed| claimed == sheet));
        let entry = claim.zip(appointment.as_ref()).map(|(claim, one)| entry_of(&one.value, claim));
        if read.as_ref().and_then(|read| read.value.entries.get(id)) == entry.as_ref() {
            return Ok(Outcome::Settled);
        }
        let context = WriteContext::internal(org.clone(), SUBJECT, random_token(), now);
        let mut changes = SheetChanges::default();
        let read = read.as_ref().map(|read| &read.meta);
        match entry {
            Some(entry) => changes.occupy(sheet, read, id, entry),
            None => changes.remove(sheet, read, id),
        }
        let mut writes = changes.into_writes(&context)?;
        writes.push(unchanged(appointment.as_ref(), keys::first_of_appointment(clinic, id)));
        if store.try_commit(&context, writes).await? {
            return Ok(Outcome::Repaired);
        }
        if !backoff.pause().await {
            return Err(StoreError::Contention);
        }
    }
}

/// Writes the link that an appointment should have, or removes one that leads to none.
async fn settle_link(
    store: &Store,
    LoneEnd { org, link, mismatch }: &LoneEnd,
    now: Timestamp,
) -> Result<Outcome, StoreError> {
    let (clinic, id, key) = (&link.clinic_id, &link.appointment_id, link.key());
    let mut backoff = Backoff::default();
    loop {
        let stored = store.get::<AppointmentLink>(&key, true).await?;
        let appointment = locate(store, org, clinic, id, true).await?;
        let wanted = appointment.as_ref().and_then(|one| AppointmentLink::to(&one.value));
        let wanted = wanted.filter(|wanted| wanted.key() == key);
        if stored.as_ref().map(|stored| &stored.value) == wanted.as_ref() {
            let lost = appointment.is_none() && matches!(mismatch, Mismatch::Unlinked(_));
            // Its id does not lead to an appointment that the verification met.
            let left = lost && !is_deleted(store, id).await?;
            return Ok(if left { Outcome::Left } else { Outcome::Settled });
        }
        let context = WriteContext::internal(org.clone(), SUBJECT, random_token(), now);
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

/// The check that an appointment is as it was read, or that there is still none at the key.
fn unchanged(appointment: Option<&Entity<Appointment>>, otherwise_absent: Key) -> Write {
    let absent = (otherwise_absent, Condition::Absent);
    let read = appointment.map(|read| (read.value.key(), read.meta.unchanged()));
    let (key, condition) = read.unwrap_or(absent);
    Write::Check { key, condition }
}

/// Looks whether two appointments overlap in their sheet as it is now.
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
