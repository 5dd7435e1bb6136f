//! Patients of an organisation, known at all its clinics.

pub mod handlers;
pub mod model;
pub mod repo;
pub mod routes;
