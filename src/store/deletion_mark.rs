//! The mark of a record that is about to be deleted. In the item's last image, it tells the worker who deleted the record.

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

impl DeletionMark {
    /// The mark on an item, if it bears one.
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
    type Error = &'static str;

    /// A request's id has no blanks; a subject may.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let parts = text.split_once(" by ");
        let (request_id, subject) = parts.ok_or("is not a deletion mark (request by subject)")?;
        Ok(Self { request_id: request_id.to_owned(), subject: subject.to_owned() })
    }
}

impl From<DeletionMark> for String {
    fn from(mark: DeletionMark) -> Self {
        mark.to_string()
    }
}
