//! The audit log: one item for each change of a record, which the processor of the stream writes and nobody changes.

pub mod handlers;
pub mod model;
pub mod repo;
pub mod routes;
