//! Patients of an organisation, shared by all its clinics.

pub mod dto;
pub mod fhir;
pub mod handlers;
pub mod model;
pub mod repo;
pub mod routes;
