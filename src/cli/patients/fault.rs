//! What is wrong with a line of an import. It never quotes a value, because that is patient data.

use std::fmt;

use crate::{
    error::{ApiError, ErrorCode},
    validation::is_invisible,
};

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
        // A control character could change what a terminal shows, and so could one that changes
        // the direction of the text.
        let is_hidden = |c: char| c.is_control() || is_invisible(c);
        let shown = pointer.chars().map(|c| if is_hidden(c) { '?' } else { c });
        Self { pointer: shown.take(LONGEST_POINTER).collect(), reason: reason.into() }
    }

    /// Returns a fault of the whole line.
    pub fn of_line(reason: impl Into<String>) -> Self {
        Self::at("", reason)
    }

    /// Returns the fault with the pointer of the column, if the member has another position.
    #[must_use]
    pub fn of_column(self, moved: &[(String, String)]) -> Self {
        let pointer = moved.iter().find_map(|(member, column)| {
            let below = self.pointer.strip_prefix(member.as_str())?;
            let is_part = below.is_empty() || below.starts_with('/');
            is_part.then(|| format!("{column}{below}"))
        });
        Self { pointer: pointer.unwrap_or(self.pointer), reason: self.reason }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_not_show_as_it_is_becomes_a_question_mark() {
        let fault = Fault::at("/a\u{1b}\u{202e}\u{2066}\u{200f}b", "is unknown");
        assert_eq!(fault.to_string(), "/a????b is unknown");
    }

    #[test]
    fn a_fault_names_the_column_of_a_member_that_moved() {
        let moved = [("/contacts/0/name", "/contacts/2/name"), ("/contacts/0", "/contacts/2")];
        let moved = moved.map(|(member, column)| (member.to_owned(), column.to_owned()));
        for (member, column) in [
            ("/contacts/0/name/family", "/contacts/2/name/family"),
            ("/contacts/0/phone", "/contacts/2/phone"),
            ("/contacts/0", "/contacts/2"),
            ("/contacts", "/contacts"),
            ("/contacts/01", "/contacts/01"),
        ] {
            assert_eq!(Fault::at(member, "").of_column(&moved), Fault::at(column, ""));
        }
    }
}
