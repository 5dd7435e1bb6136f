//! Changing an appointment: its status by compare-and-swap, its end by cancelling or deleting.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    claims::{claims_of, free_all},
    get, locate,
};
use crate::{
    appointments::model::{Appointment, Status},
    id::{AppointmentId, ClinicId},
    schedule::repo::SheetChanges,
    sensitive::Sensitive,
    store::{
        Entity, Item, Key, Record, Store, StoreError, WriteContext,
        attributes::{string, text},
        expression::Condition,
        keys,
        retry::Backoff,
        write::{Committed, Write},
    },
};

/// How long it is remembered who deleted an appointment.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Why an appointment can't be changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// Its life has no such step.
    #[error("an appointment that is {current} can't become {wanted}")]
    InvalidTransition {
        /// Where it stands.
        current: Status,
        /// Where it was to go.
        wanted: Status,
    },
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who deleted an appointment and when; expires by TTL.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Deleted {
    appointment_id: AppointmentId,
    clinic_id: ClinicId,
    expires_at: i64,
}

impl Record for Deleted {
    const TYPE: &'static str = "deleted_appointment";

    fn key(&self) -> Key {
        keys::deleted_appointment(&self.appointment_id)
    }
}

/// Takes one step of the status life that keeps the appointment's time: one conditional UpdateItem, or a read
/// and a transaction where an `Idempotency-Key` is to be kept with it.
///
/// # Errors
/// [`ChangeError`].
pub async fn change_status(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &AppointmentId,
    wanted: Status,
) -> Result<Entity<Appointment>, ChangeError> {
    if context.idempotency.is_some() {
        return update(store, context, clinic, id, |current| step(current, wanted)).await;
    }
    let mut key = keys::appointment(clinic, id.first_date(), id);
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
        if let Some(item) = failed.items().find(|item| is_own(context, item)) {
            return Err(refused(context, item, wanted));
        }
        // Nothing of the organisation's under this date: it lives elsewhere, if it lives at all.
        let found =
            locate(store, &context.org, clinic, id, true).await?.ok_or(StoreError::NotFound)?;
        key = found.value.key();
        if !backoff.pause().await {
            return Err(StoreError::Contention.into());
        }
    }
}

fn is_own(context: &WriteContext, item: &Item) -> bool {
    text(item, "org") == Some(context.org.as_str())
}

fn refused(context: &WriteContext, item: &Item, wanted: Status) -> ChangeError {
    match Entity::<Appointment>::from_item(item.clone()) {
        Ok(current) => {
            if let Err(stale) = context.precondition.check(current.meta.rev) {
                return stale.into();
            }
            ChangeError::InvalidTransition { current: current.value.status, wanted }
        }
        Err(error) => error.into(),
    }
}

/// From where an appointment may step there by itself: a hold becomes a booking with its secret alone.
fn steps_to(wanted: Status) -> impl Iterator<Item = &'static Status> {
    wanted.predecessors().iter().filter(|from| **from != Status::Held)
}

fn step(current: &Appointment, wanted: Status) -> Result<Appointment, ChangeError> {
    if !steps_to(wanted).any(|from| *from == current.status) {
        return Err(ChangeError::InvalidTransition { current: current.status, wanted });
    }
    Ok(Appointment { status: wanted, ..current.clone() })
}

/// Cancels an appointment and frees its time, in one transaction.
///
/// # Errors
/// [`ChangeError`].
pub async fn cancel(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &AppointmentId,
    reason: Option<Sensitive<String>>,
) -> Result<Entity<Appointment>, ChangeError> {
    update(store, context, clinic, id, |current| {
        let cancelled = step(current, Status::Cancelled)?;
        Ok(Appointment { cancellation_reason: reason.clone(), ..cancelled })
    })
    .await
}

/// Reads an appointment, lets `modify` make another of it, and writes that; its time is freed with it where the
/// new one occupies none. Reads again where somebody was faster and the caller named no revision.
///
/// # Errors
/// What `modify` refuses, and whatever the database may answer.
pub async fn update<E: From<StoreError>>(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &AppointmentId,
    modify: impl Fn(&Appointment) -> Result<Appointment, E>,
) -> Result<Entity<Appointment>, E> {
    let read = || get(store, &context.org, clinic, id, true);
    let further = |old: &Appointment, new: &Appointment| {
        let freed = old.status.is_occupying() && !new.status.is_occupying();
        if freed { freeing(context, old) } else { Ok(vec![]) }
    };
    store.modify(context, read, modify, further).await
}

/// The writes that take an appointment out of all its sheets.
pub(super) fn freeing(
    context: &WriteContext,
    appointment: &Appointment,
) -> Result<Vec<Write>, StoreError> {
    let claims = claims_of(appointment);
    let mut changes = SheetChanges::default();
    free_all(&mut changes, appointment, &claims);
    changes.into_writes(context)
}

/// Deletes an appointment, frees its time and notes who did it, in one transaction.
///
/// # Errors
/// [`StoreError::NotFound`], [`StoreError::Stale`], and whatever the database may answer.
pub async fn delete(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &AppointmentId,
) -> Result<(), StoreError> {
    let mut backoff = Backoff::default();
    loop {
        let current = get(store, &context.org, clinic, id, true).await?;
        context.precondition.check(current.meta.rev)?;
        let mut writes = vec![
            Write::Delete { key: current.value.key(), condition: current.meta.unchanged() },
            Entity::new(tombstone(&current.value, context.now), context).create()?,
        ];
        if current.value.status.is_occupying() {
            writes.extend(freeing(context, &current.value)?);
        }
        match store.commit(context, writes).await {
            Ok(Committed::Written | Committed::Replayed(_)) => return Ok(()),
            Err(StoreError::ConditionFailed(_)) if backoff.pause().await => {}
            Err(StoreError::ConditionFailed(_)) => return Err(StoreError::Contention),
            Err(other) => return Err(other),
        }
    }
}

fn tombstone(appointment: &Appointment, now: Timestamp) -> Deleted {
    let expires_at = now.saturating_add(REMEMBERED).unwrap_or(now);
    Deleted {
        appointment_id: appointment.id.clone(),
        clinic_id: appointment.clinic_id.clone(),
        expires_at: expires_at.as_second(),
    }
}
