//! Changing an appointment: its status by compare-and-swap, its end by cancelling or deleting.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::{
    claims::freeing,
    decide::Refusal,
    find::{get, locate, pointer_removal},
    links::relink,
    schedule::{BookingError, unless_changed, until_committed},
};
use crate::{
    appointments::model::{Appointment, Status},
    id::{AppointmentId, ClinicId},
    sensitive::Sensitive,
    store::{
        Entity, Item, Key, Record, Store, StoreError, WriteContext,
        attributes::{string, text},
        expression::Condition,
        keys,
        retry::Backoff,
        write::Write,
    },
};

const TOMBSTONE_TTL: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The record of who deleted an appointment and when; expires by TTL.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tombstone {
    appointment_id: AppointmentId,
    clinic_id: ClinicId,
    expires_at: i64,
}

impl Record for Tombstone {
    const TYPE: &'static str = "deleted_appointment";

    fn key(&self) -> Key {
        keys::deleted_appointment(&self.appointment_id)
    }
}

/// Takes one step that keeps the time: one conditional UpdateItem, or a read and a transaction with an `Idempotency-Key`.
pub async fn change_status(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &AppointmentId,
    wanted: Status,
) -> Result<Entity<Appointment>, BookingError> {
    if context.idempotency.is_some() {
        return update(store, context, clinic, id, |current| step(current, wanted)).await;
    }
    let mut key = keys::first_of_appointment(clinic, id);
    let mut conditions = vec![
        Condition::Equals("org", string(&context.org)),
        Condition::OneOf("status", steps_to(wanted).map(string).collect()),
    ];
    conditions.extend(context.precondition.condition());
    let mut backoff = Backoff::default();
    loop {
        let change = context.touch().set("status", string(wanted));
        let swapped =
            store.update(context, key.clone(), change, Condition::All(conditions.clone()));
        let failed = match swapped.await {
            Ok(item) => return Ok(Entity::from_item(item)?),
            Err(StoreError::ConditionFailed(failed)) => failed,
            Err(other) => return Err(other.into()),
        };
        let is_own = |item: &&Item| text(item, "org") == Some(context.org.as_str());
        if let Some(item) = failed.items().find(is_own) {
            let current = Entity::<Appointment>::from_item(item.clone())?;
            context.precondition.check(current.meta.rev)?;
            let current = current.value.status;
            return Err(Refusal::InvalidTransition(current, wanted).into());
        }
        // The organisation has nothing under this key: it was moved, or there is none.
        let found =
            locate(store, &context.org, clinic, id, true).await?.ok_or(StoreError::NotFound)?;
        key = found.value.key();
        if !backoff.pause().await {
            return Err(StoreError::Contention.into());
        }
    }
}

/// The statuses from which an appointment may step to `wanted`. A hold leaves its status with its secret only.
fn steps_to(wanted: Status) -> impl Iterator<Item = &'static Status> {
    wanted.predecessors().iter().filter(|from| **from != Status::Held)
}

fn step(current: &Appointment, wanted: Status) -> Result<Appointment, BookingError> {
    if !steps_to(wanted).any(|from| *from == current.status) {
        return Err(Refusal::InvalidTransition(current.status, wanted).into());
    }
    Ok(Appointment { status: wanted, ..current.clone() })
}

/// Cancels an appointment and frees its time, in one transaction.
pub async fn cancel(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &AppointmentId,
    reason: Option<Sensitive<String>>,
) -> Result<Entity<Appointment>, BookingError> {
    update(store, context, clinic, id, |current| {
        let cancelled = step(current, Status::Cancelled)?;
        Ok(Appointment { cancellation_reason: reason.clone(), ..cancelled })
    })
    .await
}

/// Replaces an appointment by what `modify` makes of it, and frees its time if it takes none any more. An erased appointment
/// accepts no text.
pub async fn update<E: From<StoreError> + From<BookingError>>(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &AppointmentId,
    modify: impl Fn(&Appointment) -> Result<Appointment, E>,
) -> Result<Entity<Appointment>, E> {
    let read = || get(store, &context.org, clinic, id, true);
    let modify = |current: &Appointment| {
        let changed = modify(current)?;
        if changed.erased && changed.has_text() {
            return Err(BookingError::from(Refusal::Erased).into());
        }
        Ok(changed)
    };
    let extra_writes = |old: &Appointment, new: &Appointment| {
        let freed = old.status.is_occupying() && !new.status.is_occupying();
        if freed { freeing(context, old) } else { Ok(vec![]) }
    };
    store.modify(context, read, modify, extra_writes).await
}

/// Deletes an appointment, its link and its pointer, frees its time and leaves a tombstone, in one transaction.
pub async fn delete(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &AppointmentId,
) -> Result<(), StoreError> {
    until_committed(|| async {
        let current = get(store, &context.org, clinic, id, true).await?;
        context.precondition.check(current.meta.rev)?;
        let expires_at = context.now.saturating_add(TOMBSTONE_TTL).unwrap_or(context.now);
        let tombstone = Tombstone {
            appointment_id: id.clone(),
            clinic_id: clinic.clone(),
            expires_at: expires_at.as_second(),
        };
        let mut writes = vec![
            Write::Delete { key: current.value.key(), condition: current.meta.unchanged() },
            Entity::new(tombstone, context).create()?,
        ];
        writes.extend(relink(context, Some(&current.value), None)?);
        if current.value.rescheduled_from.is_some() {
            writes.push(pointer_removal(id));
        }
        if current.value.status.is_occupying() {
            writes.extend(freeing(context, &current.value)?);
        }
        unless_changed(store.commit(context, writes).await.map(|_| ()))
    })
    .await
}
