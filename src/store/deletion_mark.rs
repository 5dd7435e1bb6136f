//! The mark of a record that is about to be deleted. The worker reads from it who deleted the record: the item's last image in
//! the stream bears it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::attributes::{DELETING, Item, text};

/// Who is about to delete a record, and by which request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeletionMark {
    /// The request.
    pub request_id: String,
    /// The `sub` of the caller's token.
    pub subject: String,
}

/// Text that is not a deletion mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a deletion mark (request by subject)")]
pub struct InvalidDeletionMark;

impl DeletionMark {
    /// The mark on an item, if it bears one.
    #[must_use]
    pub fn on(item: &Item) -> Option<Self> {
        text(item, DELETING)?.to_owned().try_into().ok()
    }
}

impl fmt::Display for DeletionMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {}", self.request_id, self.subject)
    }
}

impl TryFrom<String> for DeletionMark {
    type Error = InvalidDeletionMark;

    /// A request's id has no blanks; a subject may.
    fn try_from(text: String) -> Result<Self, InvalidDeletionMark> {
        let (request_id, subject) = text.split_once(" by ").ok_or(InvalidDeletionMark)?;
        Ok(Self { request_id: request_id.to_owned(), subject: subject.to_owned() })
    }
}

impl From<DeletionMark> for String {
    fn from(mark: DeletionMark) -> Self {
        mark.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let mark =
            DeletionMark { request_id: "h2q4".to_owned(), subject: "anna by the sea".to_owned() };
        assert_eq!(mark.to_string(), "h2q4 by anna by the sea");
        assert_eq!(mark.to_string().try_into(), Ok(mark));
        assert_eq!(DeletionMark::try_from("h2q4".to_owned()), Err(InvalidDeletionMark));
    }
}
