//! A clinic together with all that belongs to it.

pub mod handlers;
pub mod model;
pub mod repo;
pub mod routes;
