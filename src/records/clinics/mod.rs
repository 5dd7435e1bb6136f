//! Clinics: address, time zone and opening hours.

pub mod directory;
pub mod handlers;
pub mod model;
pub mod repo;
pub mod routes;
