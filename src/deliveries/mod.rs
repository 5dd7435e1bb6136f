//! Deliveries: an event on its way to a webhook, with every attempt.

pub mod dto;
pub mod handlers;
pub mod model;
pub mod repo;
