//! Resources: rooms and equipment of a clinic.

pub mod handlers;
pub mod model;
pub mod routes;
