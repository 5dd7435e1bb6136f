//! Deliveries: events on their way to webhooks.

pub mod handlers;
pub mod model;
pub mod repo;
pub mod routes;
