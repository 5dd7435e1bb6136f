//! A clinic's day for its front desk.

pub mod handlers;
pub mod repo;
pub mod routes;
