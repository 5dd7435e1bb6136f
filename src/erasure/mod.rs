//! Data subject rights of patients: export and erasure.

pub mod erase;
pub mod export;
pub mod handlers;
pub mod routes;
