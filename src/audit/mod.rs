//! Who has read what is known of a patient, and who had it erased.

pub mod dto;
pub mod handlers;
pub mod model;
pub mod recorder;
pub mod repo;
