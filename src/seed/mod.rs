//! Sample data: an organisation with clinics, staff, patients and some weeks of appointments around a given day, stored as the
//! API would have written them.
//!
//! A [`Plan`] determines all items, ids included. The same plan creates the same items, so a second run completes an interrupted
//! one.

mod clinic;
mod diary;
mod fill;
mod names;
mod people;
mod plan;

pub use clinic::MadeUpClinic;
pub use diary::START_TIMES;
pub use fill::{Filled, fill};
pub use plan::Plan;
