//! The access log: who has read a patient's data, and who had it erased.

pub mod handlers;
pub mod model;
pub mod recorder;
pub mod repo;
pub mod routes;
