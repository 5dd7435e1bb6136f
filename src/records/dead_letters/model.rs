//! A dead letter: a change that could not be processed, with the error.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::sensitive::Sensitive;

/// A change that could not be processed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The id of the change in the stream.
    pub event_id: String,
    /// When the change happened.
    pub at: Timestamp,
    /// The error of the last attempt.
    pub error: String,
    /// The number of attempts.
    pub tries: u32,
    /// The item before and after the change, as DynamoDB JSON.
    pub images: Sensitive<String>,
}
