//! Types of visits at a clinic: length, buffers, and the roles of the staff who give them.

pub mod handlers;
pub mod model;
pub mod routes;
