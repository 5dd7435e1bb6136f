//! What is wrong with a line of an import. It never quotes a value, because that is patient data.

use std::fmt;

use crate::error::{ApiError, ErrorCode};

/// The maximum length of a printed pointer. Names of unknown members come from the file.
const LONGEST_POINTER: usize = 200;

/// A fault of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pointer: String,
    reason: String,
}

/// A fault with the number of its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The number of the line, counted from 1.
    pub line: u64,
    /// The fault.
    pub fault: Fault,
}

impl Fault {
    /// Returns a fault of the member at a JSON pointer.
    pub fn at(pointer: &str, reason: impl Into<String>) -> Self {
        // A control character could change what a terminal shows.
        let shown = pointer.chars().map(|c| if c.is_control() { '?' } else { c });
        Self { pointer: shown.take(LONGEST_POINTER).collect(), reason: reason.into() }
    }

    /// Returns a fault of the whole line.
    pub fn of_line(reason: impl Into<String>) -> Self {
        Self::at("", reason)
    }

    /// Returns the faults of an error that a request would get.
    pub fn of_error(error: &ApiError) -> Vec<Self> {
        if error.errors().is_empty() {
            return vec![Self::of_line(error.code().title())];
        }
        let is_syntax = error.code() == ErrorCode::InvalidJson;
        let faults = error.errors().iter().map(|field| {
            let pointer = field.pointer.as_deref().unwrap_or_default();
            if is_syntax {
                // The sentence is about a body, whose only line this is.
                let reason = field.detail.trim_start_matches("The body ").trim_end_matches('.');
                return Self::at(pointer, reason.replace("at line 1, ", "at "));
            }
            Self::at(pointer, field.detail.as_str())
        });
        faults.collect()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pointer, reason } = self;
        if pointer.is_empty() { f.write_str(reason) } else { write!(f, "{pointer} {reason}") }
    }
}
