//! Visit types of a clinic: length, buffers, and the staff roles that can give them.

pub mod handlers;
pub mod model;
pub mod routes;
