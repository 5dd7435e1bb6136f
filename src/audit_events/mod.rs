//! The audit log: one entry per change of a record. The worker writes it from the stream, and no code changes it.

pub mod handlers;
pub mod model;
pub mod repo;
pub mod routes;
