//! The items of a clinic's partition, in pages of one Query each, or its setup in one.

use super::model::{ClinicPart, Setup};
use crate::{
    id::{ClinicId, OrgId},
    store::{
        Store, StoreError,
        attributes::text,
        keys,
        read::{List, Listed, PageRequest},
    },
};

/// A page of all that a clinic has. A clinic that is not there is [`StoreError::NotFound`].
pub async fn overview(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    page: PageRequest,
) -> Result<Listed<ClinicPart>, StoreError> {
    let first_page = page.after.is_none();
    let list = List::of(keys::all_of_clinic(clinic), page).descending(true);
    let Listed { items, next } = store.list(list).await?;
    // One Query, whether it is another's or not there.
    if items.iter().any(|item| text(item, "org") != Some(org.as_str())) {
        return Err(StoreError::NotFound);
    }
    let parts = items.into_iter().map(ClinicPart::from_item).collect::<Result<Vec<_>, _>>()?;
    // A deleted clinic leaves its past appointments behind; those of one that is there come after it.
    if first_page && matches!(parts.first(), None | Some(ClinicPart::Appointment(_))) {
        return Err(StoreError::NotFound);
    }
    Ok(Listed { items: parts, next })
}

/// Reads a clinic and its setup: one Query, more only past 1 MB.
pub async fn setup(store: &Store, org: &OrgId, id: &ClinicId) -> Result<Setup, StoreError> {
    Setup::from_items(store.all_items_of_org(org, keys::setup_of_clinic(id), false).await?)
}
