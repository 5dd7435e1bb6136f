//! Day sheets: who is taken when, and so what still fits where.

pub mod model;
pub mod repo;
