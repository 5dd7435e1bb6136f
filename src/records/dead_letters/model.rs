//! A dead letter: a change that could not be processed, and why.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::sensitive::Sensitive;

/// A change that could not be processed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The stream's id of it.
    pub event_id: String,
    /// When it happened.
    pub at: Timestamp,
    /// Why it could not be processed.
    pub error: String,
    /// How often it was tried.
    pub tries: u32,
    /// The item before and after, in DynamoDB's JSON.
    pub images: Sensitive<String>,
}
