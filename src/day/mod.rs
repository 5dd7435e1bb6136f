//! A clinic's day as a front desk looks at it.

pub mod handlers;
pub mod repo;
