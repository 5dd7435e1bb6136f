//! Deferred work: deliveries and accesses that the worker could not write in time, or that the database refused.

pub mod model;
pub mod repo;
