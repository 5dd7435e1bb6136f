//! What is in a clinic's partition, and how it is shown.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    appointments::{dto::AppointmentOut, model::Appointment},
    records::{
        clinics::model::Clinic, resources::model::Resource, shown::Shown,
        staff::model::StaffMember, visit_types::model::VisitType,
    },
    store::{Entity, Item, Record, StoreError, attributes::text},
};

/// A record of a clinic's partition.
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
    /// An appointment; they come last, the latest start first.
    Appointment(Entity<Appointment>),
}

impl ClinicPart {
    pub(super) fn from_item(item: Item) -> Result<Self, StoreError> {
        match text(&item, "type") {
            Some(VisitType::TYPE) => Entity::from_item(item).map(Self::VisitType),
            Some(StaffMember::TYPE) => Entity::from_item(item).map(Self::Staff),
            Some(Resource::TYPE) => Entity::from_item(item).map(Self::Resource),
            Some(Clinic::TYPE) => Entity::from_item(item).map(Self::Clinic),
            Some(Appointment::TYPE) => Entity::from_item(item).map(Self::Appointment),
            _ => {
                Err(StoreError::corrupt("clinic", "its partition holds an item of an unknown type"))
            }
        }
    }
}

// utoipa takes names without type parameters here.
type ClinicOut = Shown<Clinic>;
type VisitTypeOut = Shown<VisitType>;
type StaffOut = Shown<StaffMember>;
type ResourceOut = Shown<Resource>;

/// A page of all that a clinic has.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct ClinicOverview {
    /// The clinic: on the page where staff, resources and visit types end, which is the first one for fewer than `limit` of them.
    #[schema(required = true)]
    pub clinic: Option<ClinicOut>,
    /// Its visit types; they come first.
    pub visit_types: Vec<VisitTypeOut>,
    /// Its staff; they come before the clinic itself.
    pub staff: Vec<StaffOut>,
    /// Its rooms and equipment; they come before the clinic itself.
    pub resources: Vec<ResourceOut>,
    /// Its appointments, the latest start first; they come last.
    pub appointments: Vec<AppointmentOut>,
    /// Pass it as `cursor` to go on. All has been told only when it is null.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

impl ClinicOverview {
    pub(super) fn add(&mut self, part: ClinicPart) {
        match part {
            ClinicPart::Clinic(clinic) => self.clinic = Some(clinic.into()),
            ClinicPart::Staff(staff) => self.staff.push(staff.into()),
            ClinicPart::Resource(resource) => self.resources.push(resource.into()),
            ClinicPart::VisitType(visit_type) => self.visit_types.push(visit_type.into()),
            ClinicPart::Appointment(appointment) => self.appointments.push(appointment.into()),
        }
    }
}

/// A clinic and its setup, without records that are being deleted.
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

impl Setup {
    pub(super) fn from_items(items: Vec<Item>) -> Result<Self, StoreError> {
        let mut clinic = None;
        let (mut staff, mut resources, mut visit_types) = (Vec::new(), Vec::new(), Vec::new());
        for item in items {
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
}

fn staying<T>(entity: Entity<T>) -> Option<T> {
    entity.meta.deleting.is_none().then_some(entity.value)
}
