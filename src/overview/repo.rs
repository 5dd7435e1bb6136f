//! The items of a clinic's partition, in pages of one Query each, or its setup in one Query.

use jiff::Timestamp;

use super::model::{ClinicPart, Setup};
use crate::{
    id::{ClinicId, OrgId},
    records::clinics::model::Clinic,
    store::{
        Entity, Store, StoreError,
        attributes::text,
        keys,
        read::{List, Listed, PageRequest},
    },
};

/// Returns the clinic and a page of its records. A missing clinic is [`StoreError::NotFound`].
pub async fn overview(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    page: PageRequest,
) -> Result<(Entity<Clinic>, Listed<ClinicPart>), StoreError> {
    let (first_page, consistent) = (page.after.is_none(), page.consistent);
    let list = List::of(keys::all_of_clinic(clinic), page).descending(true);
    let Listed { items, next } = store.list(list).await?;
    // Another organisation's clinic costs one Query, like a missing one.
    if items.iter().any(|item| text(item, "org") != Some(org.as_str())) {
        return Err(StoreError::NotFound);
    }
    let mut parts = items.into_iter().map(ClinicPart::from_item).collect::<Result<Vec<_>, _>>()?;
    // A deleted clinic leaves its past appointments behind. The appointments of an existing clinic
    // come after it.
    if first_page && matches!(parts.first(), None | Some(ClinicPart::Appointment(_))) {
        return Err(StoreError::NotFound);
    }
    let position = parts.iter().position(|part| matches!(part, ClinicPart::Clinic(_)));
    let clinic = match position.map(|position| parts.remove(position)) {
        Some(ClinicPart::Clinic(clinic)) => clinic,
        _ => store.get_of_org(org, &keys::clinic(clinic), consistent).await?,
    };
    Ok((clinic, Listed { items: parts, next }))
}

/// Reads a clinic and its setup as of `now`: one Query, or more above 1 MB.
pub async fn setup(
    store: &Store,
    org: &OrgId,
    id: &ClinicId,
    now: Timestamp,
) -> Result<Setup, StoreError> {
    Setup::from_items(store.all_items_of_org(org, keys::setup_of_clinic(id), false).await?, now)
}
