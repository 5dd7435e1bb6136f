//! The day view of a clinic, for its front desk.

pub mod handlers;
pub mod repo;
pub mod routes;
