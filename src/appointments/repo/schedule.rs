//! Booking and holding: one read, one decision, one transaction, until nothing changes in between.

use super::{
    decide::{Refusal, decide},
    find::locate,
    lapsed,
    snapshot::{Draft, Snapshot},
};
use crate::{
    appointments::model::Appointment,
    records::{
        of_clinic,
        visit_types::model::{VisitType, VisitTypeDetails},
    },
    store::{Entity, Store, StoreError, WriteContext, retry::Backoff},
};

/// The reason why an appointment was not written. Nothing was, unless it is [`StoreError::Unreachable`].
#[derive(Debug, thiserror::Error)]
pub enum BookingError {
    /// A rule refuses it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Books an appointment, or holds it, or returns the earlier answer under the same `Idempotency-Key`. A visit type, if it
/// names one, gives its length, its buffers and the roles that may give it.
/// One BatchGetItem, beside it Queries of exceptions, and one TransactWriteItems; again if a sheet changed in between. With
/// a visit type one GetItem more. Lapsed holds in the way are ended first, and then all is read again.
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
    until_committed(|| commit(store, context, &draft)).await
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

/// Repeats `attempt` as long as it returns `None`: something that it has read changed before it could write.
pub(super) async fn until_committed<T, E, Attempt>(attempt: impl Fn() -> Attempt) -> Result<T, E>
where
    E: From<StoreError>,
    Attempt: Future<Output = Result<Option<T>, E>> + Send,
{
    let mut backoff = Backoff::default();
    loop {
        if let Some(committed) = Box::pin(attempt()).await? {
            return Ok(committed);
        }
        if !backoff.pause().await {
            return Err(StoreError::Contention.into());
        }
    }
}

/// Reads what a draft needs, decides, and commits its plan; `None` if something changed in between, or lapsed holds had to be
/// ended first.
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
        Err(refusal) => return Err(refusal.into()),
    };
    if !plan.lapsed.is_empty() {
        lapsed::end(store, context, &plan.lapsed).await?;
        return Ok(None);
    }
    let committed = store.commit(context, plan.writes(context)?).await;
    let answer = committed.and_then(|committed| committed.answer(draft.appointment.clone()));
    Ok(unless_changed(answer)?)
}

/// Whether an appointment has changed since it was read. No transaction checks a refusal, which rests on two reads: of the
/// appointment, and then of all that it needs.
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

/// `None` if a condition failed, so that there has to be another attempt.
pub(super) fn unless_changed<T>(outcome: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match outcome {
        Ok(committed) => Ok(Some(committed)),
        Err(StoreError::ConditionFailed(_)) => Ok(None),
        Err(other) => Err(other),
    }
}
