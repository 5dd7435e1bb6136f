//! Erasure of the personal data in a patient's appointments.

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::links::{AppointmentLink, links_of_patient};
use crate::{
    id::PatientId,
    store::{
        Store, StoreError, WriteContext,
        attributes::string,
        expression::{Change, Condition},
        read::PageRequest,
    },
};

const READ_AT_ONCE: u16 = 250;
const AT_ONCE: usize = 8;
/// The attributes with personal data. The others are the clinic's history of its slots.
const PERSONAL: [&str; 4] = ["reason", "notes", "cancellation_reason", "override_reason"];
const ERASED: &str = "erased";

/// Removes the personal data from all appointments of a deleted patient, marks them as erased, and
/// returns their number. After an error, a retry erases the rest.
///
/// One pass is complete. Every transaction that books, moves or confirms an appointment checks that
/// the patient exists, so the links of a deleted patient do not change. Other writes check the
/// appointment's revision, and then read its mark.
pub async fn erase_all_of_patient(
    store: &Store,
    context: &WriteContext,
    patient: &PatientId,
) -> Result<usize, StoreError> {
    let (mut number, mut after) = (0, None);
    loop {
        let page = PageRequest { after, limit: READ_AT_ONCE, consistent: true };
        let links = links_of_patient(store, &context.org, patient, page).await?;
        number += links.items.len();
        stream::iter(links.items)
            .map(|link| erase(store, context, link.value))
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await?;
        after = links.next;
        if after.is_none() {
            return Ok(number);
        }
    }
}

async fn erase(
    store: &Store,
    context: &WriteContext,
    link: AppointmentLink,
) -> Result<(), StoreError> {
    let own = Condition::Equals("org", string(&context.org));
    let condition = Condition::All(vec![own, Condition::Without(ERASED)]);
    let change = context.touch().set(ERASED, AttributeValue::Bool(true));
    let change = PERSONAL.into_iter().fold(change, Change::remove);
    match store.update(context, link.target(), change, condition).await {
        // An earlier attempt has erased it, or it was deleted in the meantime.
        Ok(_) | Err(StoreError::ConditionFailed(_)) => Ok(()),
        Err(other) => Err(other),
    }
}
