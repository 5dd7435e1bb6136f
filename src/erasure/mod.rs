//! The rights of patients over their data: export and erasure.

pub mod erase;
pub mod export;
pub mod handlers;
pub mod routes;
