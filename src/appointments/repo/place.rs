//! The one way by which an appointment gets to where it is to be, whether it is booked, held, moved or confirmed.

use super::{
    Moved,
    claims::claims_of,
    lapsed::Lapsed,
    locate,
    placing::{BookingError, Placing, Rules},
};
use crate::{
    appointments::model::Appointment,
    id::AppointmentId,
    schedule::{model::Claim, repo::SheetChanges},
    store::{
        Entity, Record as _, Store, StoreError, WriteContext, attributes::string,
        expression::Condition, retry::Backoff, write::Write,
    },
};

/// Places an appointment, `attempt` by attempt, until nothing that one has read changes before it can write.
///
/// # Errors
/// What an attempt refuses, and [`StoreError::Contention`].
pub(super) async fn until_placed<E, Attempt>(
    attempt: impl Fn() -> Attempt,
) -> Result<Entity<Appointment>, E>
where
    E: From<StoreError>,
    Attempt: Future<Output = Result<Option<Entity<Appointment>>, E>> + Send,
{
    let mut backoff = Backoff::default();
    loop {
        if let Some(placed) = attempt().await? {
            return Ok(placed);
        }
        if !backoff.pause().await {
            return Err(StoreError::Contention.into());
        }
    }
}

/// Makes the appointment `new` of the one that was read, or of none, or returns what the same `Idempotency-Key` made
/// before; `None`, if something changed between its reads and its transaction.
///
/// # Errors
/// [`BookingError`]. Nothing was written, unless it is [`StoreError::Unreachable`].
pub(super) async fn place(
    store: &Store,
    context: &WriteContext,
    old: Option<&Entity<Appointment>>,
    new: &Entity<Appointment>,
    rules: &Rules,
) -> Result<Option<Entity<Appointment>>, BookingError> {
    let placing = Placing::new(context, &new.value, rules);
    let (mut found, hours) = placing.read(store).await?;
    if let Some(earlier) = placing.replayed(&mut found)? {
        return Ok(Some(earlier));
    }
    let sheets = placing.sheets(&mut found)?;
    let working = placing.check_people(&mut found, &hours);
    let lapsed = match working.and_then(|working| placing.decide(&sheets, &working)) {
        Ok(lapsed) => lapsed,
        Err(_) if has_changed(store, old).await? => return Ok(None),
        Err(refusal) => return Err(refusal),
    };
    let Some(lapsed) = Lapsed::read(store, &lapsed).await? else {
        return Ok(None);
    };
    let left = old.map(|old| claims_of(&old.value)).unwrap_or_default();
    let mut changes = SheetChanges::default();
    placing.occupy(&mut changes, &sheets);
    leave(&mut changes, &new.value.id, &left, &placing.claims);
    let mut writes = match old {
        None => vec![new.create()?],
        Some(old) => replacing(context, old, new)?,
    };
    writes.extend(lapsed.end(context, &mut changes));
    writes.extend(changes.into_writes(context)?);
    writes.extend(placing.checks());
    let committed = store.commit(context, writes).await;
    Ok(unless_changed(committed.and_then(|committed| committed.answer(new.clone())))?)
}

/// Whether the appointment has changed since it was read. No transaction checks a refusal, which rests on two reads: of the
/// appointment, and then of all that it needs.
async fn has_changed(store: &Store, old: Option<&Entity<Appointment>>) -> Result<bool, StoreError> {
    let Some(Entity { value, meta }) = old else {
        return Ok(false);
    };
    let now = locate(store, &meta.org, &value.clinic_id, &value.id, true).await?;
    Ok(now.is_none_or(|now| now.meta.rev != meta.rev))
}

/// `None`, if something changed since it was read, so that there has to be another attempt.
pub(super) fn unless_changed(
    outcome: Result<Entity<Appointment>, StoreError>,
) -> Result<Option<Entity<Appointment>>, StoreError> {
    match outcome {
        Ok(placed) => Ok(Some(placed)),
        Err(StoreError::ConditionFailed(_)) => Ok(None),
        Err(other) => Err(other),
    }
}

/// Takes it out of the sheets that it no longer stands in.
fn leave<'a>(
    changes: &mut SheetChanges<'a>,
    id: &'a AppointmentId,
    left: &'a [Claim],
    taken: &'a [Claim],
) {
    for sheet in left.iter().flat_map(Claim::sheets) {
        if !taken.iter().flat_map(Claim::sheets).any(|other| other == sheet) {
            changes.free(sheet, id);
        }
    }
}

/// The writes that put the appointment where it now is: under another date it leaves a pointer to there.
fn replacing(
    context: &WriteContext,
    old: &Entity<Appointment>,
    new: &Entity<Appointment>,
) -> Result<Vec<Write>, StoreError> {
    if new.value.date == old.value.date {
        return Ok(vec![new.replace(old)?]);
    }
    let id = &new.value.id;
    let pointer = Moved { appointment_id: id.clone(), date: new.value.date };
    let mut pointer = Entity::new(pointer, context);
    // Whoever reads it twice sees whether the appointment went away and came back in between.
    pointer.meta.rev = new.meta.rev;
    let pointer = Write::Put {
        item: pointer.to_item()?,
        condition: Condition::Any(vec![
            Condition::Absent,
            Condition::Equals("appointment_id", string(id)),
        ]),
    };
    let leaving = Write::Delete { key: old.value.key(), condition: old.meta.unchanged() };
    Ok(vec![new.create()?, leaving, pointer])
}
