//! Scheduling: the time that is taken of staff, resources and patients, and the times that are free. It knows no appointments.

pub mod model;
pub mod repo;
