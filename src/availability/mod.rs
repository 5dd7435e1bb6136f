//! What is free at a clinic.

pub mod dto;
pub mod handlers;
pub mod model;
pub mod repo;
