//! Webhooks: the receivers of an organisation's events.

pub mod dto;
pub mod handlers;
pub mod model;
pub mod repo;
pub mod routes;
