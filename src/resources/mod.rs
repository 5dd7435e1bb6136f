//! Resources: the rooms and the equipment of a clinic that appointments need.

pub mod dto;
pub mod handlers;
pub mod model;
pub mod repo;
