//! Patients of an organisation.

pub mod dto;
pub mod handlers;
pub mod model;
pub mod repo;
