//! Erasing what is personal in the appointments of a patient.

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, future::ready, stream};
use tokio::time::sleep;

use super::list::page_of_patient;
use crate::{
    appointments::model::Appointment,
    id::PatientId,
    store::{
        Record as _, Store, StoreError, WriteContext,
        attributes::string,
        expression::{Change, Condition},
        read::PageRequest,
    },
};

const READ_AT_ONCE: u16 = 250;
const AT_ONCE: usize = 8;
/// The time by which the index may lag behind writes.
const LAG: Duration = Duration::from_secs(1);
/// The attributes about the patient as a person. The others are the clinic's history of its slots.
const PERSONAL: [&str; 4] = ["reason", "notes", "cancellation_reason", "override_reason"];

/// Removes what is personal from all appointments of a patient, and returns their number.
/// After an error, another try erases the others.
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
                // Those of the round before are done, as far as the index shows it already.
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
        // The index may not show all of them yet.
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
        // It has nothing personal, or it was deleted or moved: the next round finds a moved one elsewhere.
        Err(StoreError::ConditionFailed(_)) => Ok(false),
        Err(other) => Err(other),
    }
}
