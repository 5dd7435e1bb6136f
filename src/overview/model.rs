//! The records in a clinic's partition, and their response.

use jiff::Timestamp;
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

/// A record in a clinic's partition.
#[derive(Debug)]
pub enum ClinicPart {
    /// A visit type. Visit types come first.
    VisitType(Entity<VisitType>),
    /// A staff member. Staff members come second.
    Staff(Entity<StaffMember>),
    /// A room or a piece of equipment. Resources come third.
    Resource(Entity<Resource>),
    /// The clinic itself.
    Clinic(Entity<Clinic>),
    /// An appointment. Appointments come last, latest start first.
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

// utoipa accepts only names without type parameters here.
type ClinicOut = Shown<Clinic>;
type VisitTypeOut = Shown<VisitType>;
type StaffOut = Shown<StaffMember>;
type ResourceOut = Shown<Resource>;

/// A page of a clinic's records.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClinicOverview {
    /// The clinic, on every page.
    pub clinic: ClinicOut,
    /// The visit types, which come first.
    pub visit_types: Vec<VisitTypeOut>,
    /// The staff members, which come second.
    pub staff: Vec<StaffOut>,
    /// The rooms and equipment, which come third.
    pub resources: Vec<ResourceOut>,
    /// The appointments, which come last, latest start first.
    pub appointments: Vec<AppointmentOut>,
    /// Send this value as `cursor` to get the next page. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_cursor: Option<String>,
}

impl ClinicOverview {
    pub(super) fn new(
        clinic: Entity<Clinic>,
        parts: Vec<ClinicPart>,
        next_cursor: Option<String>,
    ) -> Self {
        let (mut visit_types, mut staff, mut resources, mut appointments) =
            (vec![], vec![], vec![], vec![]);
        for part in parts {
            match part {
                ClinicPart::VisitType(visit_type) => visit_types.push(visit_type.into()),
                ClinicPart::Staff(member) => staff.push(member.into()),
                ClinicPart::Resource(resource) => resources.push(resource.into()),
                ClinicPart::Clinic(_) => {}
                ClinicPart::Appointment(appointment) => appointments.push(appointment.into()),
            }
        }
        Self { clinic: clinic.into(), visit_types, staff, resources, appointments, next_cursor }
    }
}

/// A clinic and its setup, without records that are being deleted.
#[derive(Debug)]
pub struct Setup {
    /// The clinic.
    pub clinic: Clinic,
    /// The staff members, by id.
    pub staff: Vec<StaffMember>,
    /// The rooms and equipment, by id.
    pub resources: Vec<Resource>,
    /// The visit types, by id.
    pub visit_types: Vec<VisitType>,
}

impl Setup {
    pub(super) fn from_items(items: Vec<Item>, now: Timestamp) -> Result<Self, StoreError> {
        let mut clinic = None;
        let (mut staff, mut resources, mut visit_types) = (Vec::new(), Vec::new(), Vec::new());
        for item in items {
            match ClinicPart::from_item(item)? {
                ClinicPart::Clinic(found) => clinic = Some(found.value),
                ClinicPart::Staff(found) => staff.extend(staying(found, now)),
                ClinicPart::Resource(found) => resources.extend(staying(found, now)),
                ClinicPart::VisitType(found) => visit_types.push(found.value),
                ClinicPart::Appointment(_) => {}
            }
        }
        let clinic = clinic.ok_or(StoreError::NotFound)?;
        Ok(Setup { clinic, staff, resources, visit_types })
    }
}

fn staying<T>(entity: Entity<T>, now: Timestamp) -> Option<T> {
    (!entity.meta.is_being_deleted(now)).then_some(entity.value)
}
