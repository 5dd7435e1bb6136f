//! Dead letters: changes that could not be processed, put aside until somebody has a look.

pub mod model;
pub mod repo;
