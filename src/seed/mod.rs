//! A made-up organisation, for trying the service at the size that it is to have: clinics with staff, patients, and the
//! appointments of some weeks before and after a day, as the API would have written them.
//!
//! Everything follows from a [`Plan`]: the same one makes the same items, ids included. So the plan tells what is in the
//! table, and a run that was cut short is completed by another one.

mod clinic;
mod diary;
mod fill;
mod people;
mod plan;

pub use clinic::MadeUpClinic;
pub use diary::START_TIMES;
pub use fill::{Filled, fill};
pub use plan::Plan;
