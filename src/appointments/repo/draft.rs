//! The draft of an appointment.

use super::claims::claims_of;
use crate::{
    appointments::model::Appointment,
    scheduling::model::Claim,
    store::{Entity, Key, keys},
};

/// An appointment to be written, and the rules that it keeps.
pub(super) struct Draft {
    /// The appointment as it is to be stored.
    pub(super) appointment: Entity<Appointment>,
    /// The appointment that it replaces, as it was read.
    pub(super) replaces: Option<Entity<Appointment>>,
    /// Whether it may lie outside of working hours.
    pub(super) any_hours: bool,
    /// The roles of which the staff member must have one; an empty list allows every role.
    pub(super) roles: Vec<String>,
    /// The time that it takes.
    pub(super) claims: Vec<Claim>,
}

impl Draft {
    /// A draft of a new appointment, of any role.
    pub(super) fn new(appointment: Entity<Appointment>, any_hours: bool) -> Self {
        let claims = claims_of(&appointment.value);
        Self { appointment, replaces: None, any_hours, roles: Vec::new(), claims }
    }

    /// The keys of those who must stay active: the staff member, the resources, the patient.
    pub(super) fn people(&self) -> impl Iterator<Item = Key> {
        let Appointment { clinic_id, staff_id, patient_id, resource_ids, .. } =
            &self.appointment.value;
        let resources = resource_ids.iter().map(|id| keys::resource(clinic_id, id));
        let patient = patient_id.iter().map(keys::patient);
        [keys::staff(clinic_id, staff_id)].into_iter().chain(resources).chain(patient)
    }
}
