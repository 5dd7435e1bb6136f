//! The appointments of one patient, page by page: to export them, and to erase what is personal in them.

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
        read::{List, Listed, PageRequest},
    },
};

/// How many are read at once.
const READ_AT_ONCE: u16 = 250;
/// How many are written at once.
const AT_ONCE: usize = 8;
/// How long the index may lag behind what was just written.
const LAG: Duration = Duration::from_secs(1);
/// What of an appointment is about the patient as a person. The rest is the clinic's history of its slots.
const PERSONAL: [&str; 4] = ["reason", "notes", "cancellation_reason", "override_reason"];

/// A page of them, by date; an empty one if there is no such patient in the organisation. They come from the index, which lags.
///
/// # Errors
/// Whatever the database may answer.
pub async fn page_of_patient(
    store: &Store,
    org: &OrgId,
    patient: &PatientId,
    page: PageRequest,
) -> Result<Listed<Entity<Appointment>>, StoreError> {
    store.list_of_org(org, List::of(keys::appointments_of_patient(patient, Dates::All), page)).await
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
        let (mut number, mut erased, mut after) = (0, false, None);
        loop {
            let page = PageRequest { after, limit: READ_AT_ONCE, consistent: false };
            let found = page_of_patient(store, &context.org, patient, page).await?;
            number += found.items.len();
            let of_page: Vec<bool> = stream::iter(found.items)
                // Those of the round before, as far as the index shows it already, are done.
                .filter(|one| ready(one.meta.request_id != context.request_id))
                .map(|appointment| erase(store, context, appointment.value))
                .buffer_unordered(AT_ONCE)
                .try_collect()
                .await?;
            erased |= of_page.contains(&true);
            after = found.next;
            if after.is_none() {
                break;
            }
        }
        if !erased {
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
