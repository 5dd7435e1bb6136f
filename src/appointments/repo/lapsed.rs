//! Lapsed holds that conflict with a draft. They are ended before the draft is written, in
//! transactions of their own: there may be too many for one transaction.
//!
//! A restore that cut a transaction in two may leave an entry of a lapsed hold without the hold.
//! Such an entry is made to agree with its appointment.

use jiff::Timestamp;

use super::{
    claims::{claims_of, entry_of, free_all},
    entries::{Named, settle},
};
use crate::{
    appointments::model::{Appointment, Status},
    id::{AppointmentId, ClinicId},
    scheduling::{
        model::{Claim, DaySheet},
        repo::SheetChanges,
    },
    store::{
        Entity, Record as _, Store, StoreError, WriteContext, attributes::string,
        expression::Condition, keys, write::Write,
    },
};

/// The maximum number of holds in one transaction.
const MAX_HOLDS: usize = 30;
/// The maximum number of writes in one transaction. Even with full day sheets, these stay below
/// DynamoDB's size limit for a transaction.
const MAX_WRITES: usize = 60;

/// Ends the lapsed holds in `sheets` and frees their time. Skips holds that others have changed in
/// the meantime.
pub(super) async fn end(
    store: &Store,
    context: &WriteContext,
    lapsed: &[(AppointmentId, ClinicId)],
    sheets: &[Entity<DaySheet>],
) -> Result<(), StoreError> {
    let holds = read(store, lapsed, context.now).await?;
    // Only the draft's transaction stores a response under the `Idempotency-Key`.
    let context = WriteContext { idempotency: None, ..context.clone() };
    for batch in batches(&holds) {
        store.try_commit(&context, writes(&context, batch)?).await?;
    }
    let is_ended = |id: &AppointmentId| holds.iter().any(|hold| hold.value.id == *id);
    let others: Vec<_> = lapsed.iter().filter(|(id, _)| !is_ended(id)).collect();
    settle_all(store, &context, &others, sheets).await
}

/// Makes the entries without a lapsed hold agree with their appointments. Holds that others have
/// ended in the meantime have no entries left.
async fn settle_all(
    store: &Store,
    context: &WriteContext,
    named: &[&(AppointmentId, ClinicId)],
    sheets: &[Entity<DaySheet>],
) -> Result<(), StoreError> {
    let names_any = |sheet: &&Entity<DaySheet>| {
        named.iter().any(|(id, _)| sheet.value.entries.contains_key(id))
    };
    let keys: Vec<_> = sheets.iter().filter(names_any).map(|sheet| sheet.value.key()).collect();
    if keys.is_empty() {
        return Ok(());
    }
    for item in store.batch_get(&keys).await?.into_values() {
        let sheet = Entity::<DaySheet>::from_item(item)?.value;
        for (id, clinic) in named.iter().filter(|(id, _)| sheet.entries.contains_key(id)) {
            let named = Named { owner: &sheet.owner, date: sheet.utc_date, clinic, id };
            settle(store, || context.clone(), named).await?;
        }
    }
    Ok(())
}

async fn read(
    store: &Store,
    named: &[(AppointmentId, ClinicId)],
    now: Timestamp,
) -> Result<Vec<Entity<Appointment>>, StoreError> {
    // A hold is never moved, so it is stored under the key derived from its id.
    let keys = named.iter().map(|(id, clinic)| keys::first_of_appointment(clinic, id));
    let found = store.batch_get(&keys.collect::<Vec<_>>()).await?;
    let holds = found.into_values().map(Entity::<Appointment>::from_item);
    let mut holds = holds.collect::<Result<Vec<_>, _>>()?;
    let lapsed = |hold: &Appointment| {
        claims_of(hold).iter().any(|claim| entry_of(hold, claim).has_lapsed(now))
    };
    holds.retain(|hold| lapsed(&hold.value));
    Ok(holds)
}

/// Splits `holds` into batches that fit into one transaction each, even if no two holds share a
/// sheet.
fn batches(holds: &[Entity<Appointment>]) -> Vec<&[Entity<Appointment>]> {
    let (mut batches, mut rest) = (Vec::new(), holds);
    while !rest.is_empty() {
        let mut writes = 0;
        let fits = |hold: &&Entity<Appointment>| {
            writes += 1 + claims_of(&hold.value).iter().flat_map(Claim::sheets).count();
            writes <= MAX_WRITES
        };
        let number = rest.iter().take(MAX_HOLDS).take_while(fits).count();
        let (batch, others) = rest.split_at(number.max(1));
        batches.push(batch);
        rest = others;
    }
    batches
}

/// Returns the writes that end some holds, on the condition that they are unchanged.
fn writes(context: &WriteContext, holds: &[Entity<Appointment>]) -> Result<Vec<Write>, StoreError> {
    let claims: Vec<_> = holds.iter().map(|hold| claims_of(&hold.value)).collect();
    let mut changes = SheetChanges::default();
    for (hold, claims) in holds.iter().zip(&claims) {
        free_all(&mut changes, &hold.value, claims);
    }
    let expire = |hold: &Entity<Appointment>| Write::Update {
        key: hold.value.key(),
        change: context.touch().set("status", string(Status::Expired)),
        condition: Condition::All(vec![
            hold.meta.unchanged(),
            Condition::Equals("status", string(Status::Held)),
        ]),
    };
    let mut writes: Vec<_> = holds.iter().map(expire).collect();
    writes.extend(changes.into_writes(context)?);
    Ok(writes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::{PatientId, ResourceId, StaffId},
        store::write::MAX_ACTIONS,
    };

    fn context() -> WriteContext {
        let org = "ORG-1".parse().unwrap();
        WriteContext::internal(org, "test", "request".to_owned(), Timestamp::UNIX_EPOCH)
    }

    /// Returns holds of five minutes that conflict with one visit. Each has another staff member
    /// and patient, and `rooms` rooms.
    fn holds(number: usize, start: &str, rooms: usize) -> Vec<Entity<Appointment>> {
        let (clinic, zone) = (ClinicId::random(), "UTC".parse().unwrap());
        let start = start.parse().unwrap();
        let hold = Appointment {
            duration_minutes: 5,
            status: Status::Held,
            ..Appointment::new(clinic, zone, StaffId::random(), start)
        };
        let hold = || Appointment {
            id: AppointmentId::random_at(hold.start, hold.date),
            staff_id: StaffId::random(),
            patient_id: Some(PatientId::random()),
            resource_ids: (0..rooms).map(|_| ResourceId::random()).collect(),
            ..hold.clone()
        };
        (0..number).map(|_| Entity::new(hold(), &context())).collect()
    }

    #[test]
    fn each_batch_fits_into_one_transaction_and_none_is_left_out() {
        for (number, start, rooms, sizes) in [
            (0, "2035-01-16T09:00:00Z", 0, &[][..]),
            (49, "2035-01-16T09:00:00Z", 0, &[20, 20, 9]),
            (9, "2035-01-16T23:58:00Z", 5, &[4, 4, 1]),
        ] {
            let holds = holds(number, start, rooms);
            let batches = batches(&holds);
            let found: Vec<_> = batches.iter().map(|batch| batch.len()).collect();
            assert_eq!(found, sizes);
            for batch in batches {
                let writes = writes(&context(), batch).unwrap();
                assert!(writes.len() <= MAX_WRITES.min(MAX_ACTIONS), "{}", writes.len());
            }
        }
    }
}
