//! The availability of a clinic: free slots.

pub mod handlers;
pub mod model;
pub mod repo;
pub mod routes;
