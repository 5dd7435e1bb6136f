//! Booking and holding: one read, one decision, one transaction. All are repeated if a record
//! changed in between.

use super::{
    decide::{Refusal, decide},
    find::locate,
    lapsed,
    nearest::find_nearest_free,
    snapshot::{Draft, Snapshot},
};
use crate::{
    appointments::model::Appointment,
    records::{
        of_clinic,
        visit_types::model::{VisitType, VisitTypeDetails},
    },
    store::{Entity, Store, StoreError, WriteContext},
};

/// The reason why an appointment was not written. Nothing was written, except possibly with
/// [`StoreError::Unreachable`].
#[derive(Debug, thiserror::Error)]
pub enum BookingError {
    /// A rule refuses the booking.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database failed or refused the write.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Books or holds an appointment, or returns the earlier response under the same `Idempotency-Key`.
/// The visit type, if there is one, sets the duration, the buffers and the allowed roles.
///
/// Costs one BatchGetItem in parallel with Queries of exceptions, then one TransactWriteItems.
/// These are repeated if a sheet changed in between, and after conflicting lapsed holds were ended.
/// A visit type costs one more GetItem. A refusal of the time may cost one more BatchGetItem.
pub async fn book(
    store: &Store,
    context: &WriteContext,
    mut appointment: Appointment,
    any_hours: bool,
) -> Result<Entity<Appointment>, BookingError> {
    let mut roles = Vec::new();
    if appointment.visit_type_id.is_some() {
        let found = visit_type(store, context, &appointment).await?;
        let visit_type = found.ok_or(Refusal::UnknownVisitType)?;
        appointment.duration_minutes = visit_type.duration_minutes;
        appointment.buffer_before_minutes = visit_type.buffer_before_minutes;
        appointment.buffer_after_minutes = visit_type.buffer_after_minutes;
        roles = visit_type.details.roles;
    }
    let draft = Draft { roles, ..Draft::new(Entity::new(appointment, context), any_hours) };
    until_committed(store, || commit(store, context, &draft)).await
}

pub(super) async fn visit_type(
    store: &Store,
    context: &WriteContext,
    appointment: &Appointment,
) -> Result<Option<VisitType>, StoreError> {
    let Appointment { clinic_id, visit_type_id: Some(id), .. } = appointment else {
        return Ok(None);
    };
    match of_clinic::get::<VisitTypeDetails>(store, &context.org, clinic_id, id, true).await {
        Ok(found) => Ok(Some(found.value)),
        Err(StoreError::NotFound) => Ok(None),
        Err(other) => Err(other),
    }
}

/// Repeats `attempt` with backoff while it returns `None`, which means that a record changed
/// between its read and its write.
pub(super) async fn until_committed<T, E, Attempt>(
    store: &Store,
    attempt: impl Fn() -> Attempt,
) -> Result<T, E>
where
    E: From<StoreError>,
    Attempt: Future<Output = Result<Option<T>, E>> + Send,
{
    let mut backoff = store.backoff();
    loop {
        if let Some(committed) = Box::pin(attempt()).await? {
            return Ok(committed);
        }
        if !backoff.pause().await {
            return Err(StoreError::Contention.into());
        }
    }
}

/// Reads the snapshot of a draft, decides, and commits the plan. Returns `None` if a record changed
/// in between, or if lapsed holds had to be ended first.
pub(super) async fn commit(
    store: &Store,
    context: &WriteContext,
    draft: &Draft,
) -> Result<Option<Entity<Appointment>>, BookingError> {
    let mut snapshot = Snapshot::read(store, context, draft).await?;
    if let Some(earlier) = snapshot.earlier.take() {
        return Ok(Some(earlier));
    }
    let plan = match decide(&snapshot, draft) {
        Ok(plan) => plan,
        Err(_) if has_changed(store, draft.replaces.as_ref()).await? => return Ok(None),
        Err(Refusal::Clash(clash, _, zone)) => {
            let nearest_free = find_nearest_free(store, &snapshot, draft).await?;
            return Err(Refusal::Clash(clash, nearest_free, zone).into());
        }
        Err(refusal) => return Err(refusal.into()),
    };
    if !plan.lapsed.is_empty() {
        lapsed::end(store, context, &plan.lapsed, &snapshot.sheets).await?;
        return Ok(None);
    }
    let committed = store.commit(context, plan.writes(context)?).await;
    let answer = committed.and_then(|committed| committed.answer(draft.appointment.clone()));
    Ok(unless_changed(answer)?)
}

/// Returns whether an appointment has changed since it was read. A refusal rests on two reads, of
/// the appointment and then of its snapshot, and no transaction checks that they belong together.
async fn has_changed(
    store: &Store,
    read: Option<&Entity<Appointment>>,
) -> Result<bool, StoreError> {
    let Some(Entity { value, meta }) = read else {
        return Ok(false);
    };
    let now = locate(store, &meta.org, &value.clinic_id, &value.id, true).await?;
    Ok(now.is_none_or(|now| now.meta.rev != meta.rev))
}

/// Converts a failed condition to `None`, which means that another attempt is needed.
pub(super) fn unless_changed<T>(outcome: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match outcome {
        Ok(committed) => Ok(Some(committed)),
        Err(StoreError::ConditionFailed(_)) => Ok(None),
        Err(other) => Err(other),
    }
}
