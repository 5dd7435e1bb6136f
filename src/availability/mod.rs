//! Free times of a clinic.

pub mod dto;
pub mod handlers;
pub mod model;
pub mod repo;
pub mod routes;
