//! Changes that keep an appointment's time: status and texts, cancellation, deletion.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    claims::freeing,
    decide::Refusal,
    find::{get, pointer_removal},
    links::relink,
    schedule::{BookingError, unless_changed, until_committed},
};
use crate::{
    appointments::model::{Appointment, Status},
    id::{AppointmentId, ClinicId},
    sensitive::Sensitive,
    store::{Entity, Key, Record, Store, StoreError, WriteContext, keys},
};

const TOMBSTONE_TTL: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The tombstone of a deleted appointment: who deleted it and when. It expires by TTL after 30
/// days.
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

/// Changes the status. The appointment keeps its time.
pub async fn change_status(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &AppointmentId,
    wanted: Status,
) -> Result<Entity<Appointment>, BookingError> {
    update(store, context, clinic, id, |current| step(current, wanted, context.now)).await
}

fn step(
    current: &Appointment,
    wanted: Status,
    now: Timestamp,
) -> Result<Appointment, BookingError> {
    if !current.status.steps().contains(&wanted) {
        return Err(Refusal::InvalidTransition(current.status, wanted).into());
    }
    let day_begins = current.day_begins();
    if wanted.is_outcome() && now < day_begins {
        return Err(Refusal::BeforeVisitDay(wanted, day_begins, current.time_zone.clone()).into());
    }
    let checked_in_at = match wanted {
        // Undoing a completion keeps the time of the check-in.
        Status::CheckedIn => current.checked_in_at.or(Some(now)),
        Status::Scheduled => None,
        _ => current.checked_in_at,
    };
    Ok(Appointment { status: wanted, checked_in_at, ..current.clone() })
}

/// Cancels an appointment and frees its time in one transaction.
pub async fn cancel(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &AppointmentId,
    reason: Option<Sensitive<String>>,
) -> Result<Entity<Appointment>, BookingError> {
    update(store, context, clinic, id, |current| {
        let cancelled = step(current, Status::Cancelled, context.now)?;
        Ok(Appointment { cancellation_reason: reason.clone(), ..cancelled })
    })
    .await
}

/// Replaces an appointment with the result of `modify`. If the new status takes no time, the time
/// is freed in the same transaction. Texts for an erased appointment are refused.
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
        let freed = current.status.is_occupying() && !changed.status.is_occupying();
        let writes = if freed { freeing(context, current)? } else { vec![] };
        Ok((changed, writes))
    };
    store.modify(context, read, modify).await
}

/// Deletes an appointment with its link and its pointer, frees its time and writes a tombstone, in
/// one transaction.
pub async fn delete(
    store: &Store,
    context: &WriteContext,
    clinic: &ClinicId,
    id: &AppointmentId,
) -> Result<(), StoreError> {
    until_committed(store, || async {
        let current = get(store, &context.org, clinic, id, true).await?;
        context.precondition.check(current.meta.rev)?;
        let expires_at = context.now.saturating_add(TOMBSTONE_TTL).unwrap_or(context.now);
        let tombstone = Tombstone {
            appointment_id: id.clone(),
            clinic_id: clinic.clone(),
            expires_at: expires_at.as_second(),
        };
        let mut writes = vec![current.delete(), Entity::new(tombstone, context).create()?];
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
