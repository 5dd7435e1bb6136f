//! All appointments of one patient: to export them, and to erase what is personal in them.

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, future::ready, stream};
use tokio::time::sleep;

use super::Dates;
use crate::{
    appointments::model::Appointment,
    id::{OrgId, PatientId},
    store::{
        Entity, Record as _, Store, StoreError, WriteContext,
        attributes::string,
        expression::{Change, Condition},
        keys,
    },
};

/// How many are written at once.
const AT_ONCE: usize = 8;
/// How long the index may lag behind what was just written.
const LAG: Duration = Duration::from_secs(1);
/// What of an appointment is about the patient as a person. The rest is the clinic's history of its slots.
const PERSONAL: [&str; 4] = ["reason", "notes", "cancellation_reason", "override_reason"];

/// All of them, by date; they come from the index, which lags.
///
/// # Errors
/// Whatever the database may answer.
pub async fn all_of_patient(
    store: &Store,
    org: &OrgId,
    patient: &PatientId,
) -> Result<Vec<Entity<Appointment>>, StoreError> {
    store.all_of_org(org, keys::appointments_of_patient(patient, Dates::All), true).await
}

/// Removes what is personal from all of them, and tells how many there are.
///
/// # Errors
/// Whatever the database may answer; those that were reached by then are done, and another try does the others.
pub async fn erase_all_of_patient(
    store: &Store,
    context: &WriteContext,
    patient: &PatientId,
) -> Result<usize, StoreError> {
    loop {
        let found = all_of_patient(store, &context.org, patient).await?;
        let number = found.len();
        let erased: Vec<bool> = stream::iter(found)
            // Those of the round before, as far as the index shows it already, are done.
            .filter(|one| ready(one.meta.request_id != context.request_id))
            .map(|appointment| erase(store, context, appointment.value))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        if !erased.contains(&true) {
            return Ok(number);
        }
        // What the index did not show yet, it will.
        sleep(LAG).await;
    }
}

/// Whether there was anything to remove.
async fn erase(
    store: &Store,
    context: &WriteContext,
    appointment: Appointment,
) -> Result<bool, StoreError> {
    let personal = PERSONAL.into_iter().map(Condition::Has).collect();
    let own = Condition::Equals("org", string(&context.org));
    let condition = Condition::All(vec![own, Condition::Any(personal)]);
    let change = PERSONAL.into_iter().fold(context.touch(), Change::remove);
    match store.update(context, appointment.key(), change, condition).await {
        Ok(_) => Ok(true),
        // There is nothing, or it is gone, or it moved: then the next look finds it elsewhere.
        Err(StoreError::ConditionFailed(_)) => Ok(false),
        Err(other) => Err(other),
    }
}
