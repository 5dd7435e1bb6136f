//! Appointments in the table: find by id, list by clinic or patient, book, change, verify.

mod change;
mod claims;
mod decide;
mod entries;
mod erase;
mod find;
mod lapsed;
mod links;
mod list;
mod merge;
mod nearest;
pub mod repair;
mod replace;
mod schedule;
mod snapshot;
pub mod verify;

pub use change::{Tombstone, cancel, change_status, delete, update};
pub use claims::{claims_of, entry_of};
pub use decide::Refusal;
pub use erase::erase_all_of_patient;
pub use find::{AppointmentPointer, get};
pub use links::AppointmentLink;
pub use list::{list_of_clinic, list_of_patient, page_of_patient};
pub use merge::merge_patients;
pub use replace::{Confirmation, Move, confirm_hold, release_hold, reschedule};
pub use schedule::{BookingError, book};

pub use crate::store::keys::Dates;
