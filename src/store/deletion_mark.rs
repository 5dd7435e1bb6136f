//! The mark of a record that is about to be deleted. In the item's last image, it tells the worker who deleted the record.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::attributes::{DELETING, Item, text};

const DECIDED: &str = " decided";

/// Who is about to delete a record, and by which request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeletionMark {
    /// The request.
    pub request_id: String,
    /// The `sub` of the caller's token.
    pub subject: String,
    /// Whether it is decided that the record goes: what was its own may be deleted already, so the mark is never taken back.
    pub decided: bool,
}

impl DeletionMark {
    /// The mark on an item, if it bears one.
    pub fn on(item: &Item) -> Option<Self> {
        text(item, DELETING)?.to_owned().try_into().ok()
    }
}

impl fmt::Display for DeletionMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decided = if self.decided { DECIDED } else { "" };
        write!(f, "{}{decided} by {}", self.request_id, self.subject)
    }
}

impl TryFrom<String> for DeletionMark {
    type Error = &'static str;

    /// A request's id has no blanks; a subject may.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let parts = text.split_once(" by ");
        let (request, subject) = parts.ok_or("is not a deletion mark (request by subject)")?;
        let request_id = request.strip_suffix(DECIDED).unwrap_or(request);
        let decided = request_id.len() < request.len();
        Ok(Self { request_id: request_id.to_owned(), subject: subject.to_owned(), decided })
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
        for (decided, text) in [(false, "r1 by a decided by b"), (true, "r1 decided by a by b")] {
            let subject = text.split_once(" by ").unwrap().1.to_owned();
            let mark = DeletionMark { request_id: "r1".to_owned(), subject, decided };
            assert_eq!(mark.to_string(), text);
            assert_eq!(DeletionMark::try_from(text.to_owned()), Ok(mark));
        }
    }
}
