//! Deliveries of events to webhooks.

pub mod handlers;
pub mod model;
pub mod repo;
pub mod routes;
