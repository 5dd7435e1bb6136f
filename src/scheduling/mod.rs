//! Scheduling: busy and free time of staff, resources and patients. It imports nothing of appointments.

pub mod model;
pub mod repo;
