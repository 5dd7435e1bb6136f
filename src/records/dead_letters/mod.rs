//! Dead letters: changes that could not be processed, kept for an operator.

pub mod model;
pub mod repo;
