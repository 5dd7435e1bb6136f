//! Reasons why a record can't be deleted.

use crate::error::{ApiError, ErrorCode};

/// The record has appointments that are not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Booked;

impl From<Booked> for ApiError {
    fn from(Booked: Booked) -> Self {
        let detail = "Cancel the appointments to come first. Nothing was written.";
        Self::new(ErrorCode::HasFutureAppointments, detail)
    }
}
