//! Clinics: where, in which time zone, and open when.

pub mod dto;
pub mod handlers;
pub mod model;
pub mod repo;
