//! Repair of one entry of a day sheet, so that it agrees with its appointment. The service keeps
//! the two consistent, but a restored table may contain only a part of a transaction.

use jiff::civil::Date;

use super::{
    claims::{claims_of, entry_of},
    find::locate,
};
use crate::{
    appointments::model::Appointment,
    id::{AppointmentId, ClinicId},
    scheduling::{
        model::{DaySheet, SheetOwner},
        repo::{SheetChanges, sheet_key},
    },
    store::{
        Entity, Key, Record as _, Store, StoreError, WriteContext, expression::Condition, keys,
        write::Write,
    },
};

/// An entry, identified by sheet and appointment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) owner: &'a SheetOwner,
    pub(super) date: Date,
    pub(super) clinic: &'a ClinicId,
    pub(super) id: &'a AppointmentId,
}

/// The result of settling an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// It was written or removed.
    Changed,
    /// It already agreed with the appointment. Without an appointment there is no entry.
    Agrees,
}

/// Makes one entry of a sheet agree with its appointment. `context` is called for each attempt.
///
/// The sheet is read before the appointment. Every write that makes an appointment take time of a
/// sheet also writes that sheet. So if the sheet is unchanged at the commit, a missing appointment
/// is still missing.
pub(super) async fn settle(
    store: &Store,
    context: impl Fn() -> WriteContext,
    Named { owner, date, clinic, id }: Named<'_>,
) -> Result<Settled, StoreError> {
    let sheet = (owner, date);
    let mut backoff = store.backoff();
    loop {
        let context = context();
        let read = store.get::<DaySheet>(&sheet_key(owner, date), true).await?;
        let appointment = locate(store, &context.org, clinic, id, true).await?;
        let occupying = appointment.iter().filter(|one| one.value.status.is_occupying());
        let claims: Vec<_> = occupying.flat_map(|one| claims_of(&one.value)).collect();
        let claim = claims.iter().find(|claim| claim.sheets().any(|claimed| claimed == sheet));
        let entry = claim.zip(appointment.as_ref()).map(|(claim, one)| entry_of(&one.value, claim));
        if read.as_ref().and_then(|read| read.value.entries.get(id)) == entry.as_ref() {
            return Ok(Settled::Agrees);
        }
        let mut changes = SheetChanges::default();
        let read = read.as_ref().map(|read| &read.meta);
        match entry {
            Some(entry) => changes.occupy(sheet, read, id, entry),
            None => changes.remove(sheet, read, id),
        }
        let mut writes = changes.into_writes(&context)?;
        writes.push(unchanged(appointment.as_ref(), keys::first_of_appointment(clinic, id)));
        if store.try_commit(&context, writes).await? {
            return Ok(Settled::Changed);
        }
        if !backoff.pause().await {
            return Err(StoreError::Contention);
        }
    }
}

/// Returns the check that an appointment is unchanged since it was read, or that the key
/// `otherwise_absent` is still empty.
pub(super) fn unchanged(appointment: Option<&Entity<Appointment>>, otherwise_absent: Key) -> Write {
    let absent = (otherwise_absent, Condition::Absent);
    let read = appointment.map(|read| (read.value.key(), read.meta.unchanged()));
    let (key, condition) = read.unwrap_or(absent);
    Write::Check { key, condition }
}
