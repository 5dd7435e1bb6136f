//! Availability exceptions: closed days, leave, extra days.

pub mod handlers;
pub mod model;
pub mod repo;
pub mod routes;
