//! The access log: who has read a patient's data, and who has erased it.

pub mod handlers;
pub mod known;
pub mod model;
pub mod recorder;
pub mod repo;
pub mod routes;
