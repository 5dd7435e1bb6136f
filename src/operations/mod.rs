//! Liveness, readiness and version.

pub mod handlers;
pub mod readiness;
pub mod routes;
