//! Free times of a clinic.

pub mod handlers;
pub mod model;
pub mod repo;
pub mod routes;
