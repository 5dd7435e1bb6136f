//! Appointments: booked, moved along their status life, cancelled.

pub mod dto;
pub mod handlers;
pub mod model;
pub mod repo;
pub mod routes;
