//! The overview: a clinic with its staff, resources, visit types and appointments.

pub mod handlers;
pub mod model;
pub mod repo;
pub mod routes;
