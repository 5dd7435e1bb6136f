//! All that stands in a clinic's partition, in pages of one Query each.

use crate::{
    appointments::model::Appointment,
    clinics::model::Clinic,
    id::{ClinicId, OrgId},
    resources::model::Resource,
    staff::model::StaffMember,
    store::{
        Entity, Item, Store, StoreError,
        attributes::text,
        codec::is_of_type,
        keys,
        read::{List, Listed, PageRequest},
    },
    visit_types::model::VisitType,
};

/// One record of a clinic's partition.
#[derive(Debug)]
pub enum ClinicPart {
    /// A type of visit; they come first.
    VisitType(Entity<VisitType>),
    /// A staff member; they come next.
    Staff(Entity<StaffMember>),
    /// A room or a piece of equipment; they come after the staff.
    Resource(Entity<Resource>),
    /// The clinic itself.
    Clinic(Entity<Clinic>),
    /// An appointment; they come last, the latest date first.
    Appointment(Entity<Appointment>),
}

impl ClinicPart {
    pub(super) fn from_item(item: Item) -> Result<Self, StoreError> {
        if is_of_type::<StaffMember>(&item) {
            Entity::from_item(item).map(Self::Staff)
        } else if is_of_type::<Resource>(&item) {
            Entity::from_item(item).map(Self::Resource)
        } else if is_of_type::<VisitType>(&item) {
            Entity::from_item(item).map(Self::VisitType)
        } else if is_of_type::<Clinic>(&item) {
            Entity::from_item(item).map(Self::Clinic)
        } else {
            Entity::from_item(item).map(Self::Appointment)
        }
    }
}

/// A page of all that a clinic has.
///
/// # Errors
/// [`StoreError::NotFound`] if there is no such clinic in the organisation, and whatever the database may answer.
pub async fn overview(
    store: &Store,
    org: &OrgId,
    clinic: &ClinicId,
    page: PageRequest,
) -> Result<Listed<ClinicPart>, StoreError> {
    let first_page = page.after.is_none();
    let list = List::of(keys::all_of_clinic(clinic), page).backwards(true);
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
