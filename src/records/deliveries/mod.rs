//! Deliveries: events on their way to webhooks.

pub mod dto;
pub mod handlers;
pub mod model;
pub mod repo;
pub mod routes;
