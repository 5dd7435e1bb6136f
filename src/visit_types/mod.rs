//! Types of visits: what a clinic's staff give, how long it takes, and what they need around it.

pub mod dto;
pub mod handlers;
pub mod model;
pub mod repo;
