//! What a clinic works with: itself, its staff, resources and types of visits, from one Query.

use super::ClinicPart;
use crate::{
    clinics::model::Clinic,
    id::{ClinicId, OrgId},
    resources::model::Resource,
    staff::model::StaffMember,
    store::{Entity, Store, StoreError, keys},
    visit_types::model::VisitType,
};

/// What a clinic works with, without what is about to be deleted.
#[derive(Debug)]
pub struct Setup {
    /// The clinic.
    pub clinic: Clinic,
    /// Its staff, by id.
    pub staff: Vec<StaffMember>,
    /// Its rooms and equipment, by id.
    pub resources: Vec<Resource>,
    /// Its types of visits, by id.
    pub visit_types: Vec<VisitType>,
}

/// What a clinic of the organisation works with: one Query, more only past 1 MB.
///
/// # Errors
/// [`StoreError::NotFound`], also for another organisation's, and whatever the database may answer.
pub async fn setup(store: &Store, org: &OrgId, id: &ClinicId) -> Result<Setup, StoreError> {
    let mut clinic = None;
    let (mut staff, mut resources, mut visit_types) = (Vec::new(), Vec::new(), Vec::new());
    for item in store.all_items_of_org(org, keys::setup_of_clinic(id), false).await? {
        match ClinicPart::from_item(item)? {
            ClinicPart::Clinic(found) => clinic = Some(found.value),
            ClinicPart::Staff(found) => staff.extend(staying(found)),
            ClinicPart::Resource(found) => resources.extend(staying(found)),
            ClinicPart::VisitType(found) => visit_types.push(found.value),
            ClinicPart::Appointment(_) => {}
        }
    }
    let clinic = clinic.ok_or(StoreError::NotFound)?;
    Ok(Setup { clinic, staff, resources, visit_types })
}

fn staying<T>(entity: Entity<T>) -> Option<T> {
    entity.meta.deleting.is_none().then_some(entity.value)
}
