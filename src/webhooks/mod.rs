//! Webhooks: where an organisation wants to be told of events, and of which.

pub mod dto;
pub mod handlers;
pub mod model;
pub mod repo;
