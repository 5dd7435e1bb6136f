//! The records of the master data (clinics, staff, patients and others) and their operations.

pub mod clinics;
pub mod dead_letters;
pub mod deferred;
pub mod deliveries;
pub mod dependents;
pub mod details;
pub mod exceptions;
pub mod of_clinic;
pub mod of_org;
pub mod patients;
pub mod resources;
pub mod shown;
pub mod staff;
pub mod visit_types;
pub mod webhooks;
