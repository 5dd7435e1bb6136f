//! Appointments: booking, holding, moving, status changes, cancellation.

pub mod dto;
pub mod handlers;
pub mod model;
pub mod repo;
pub mod routes;
