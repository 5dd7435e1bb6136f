//! The mark of a record that is about to be deleted. The item's last image in the stream holds it,
//! so the worker knows who deleted the record.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::attributes::{DELETING, Item, text};

const DECIDED: &str = " decided";

/// A deletion is decided within seconds. An older mark was left by an interrupted deletion. Smaller
/// clock differences do not matter; a larger one costs a deletion one retry.
const ABANDONED_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// The deletion of a record: its request and caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeletionMark {
    /// The id of the request.
    pub request_id: String,
    /// When the mark was set.
    pub set_at: Timestamp,
    /// The `sub` of the caller's token.
    pub subject: String,
    /// Whether the deletion is decided. Dependents may already be deleted, so the mark is never
    /// removed.
    pub decided: bool,
}

impl DeletionMark {
    /// Returns the mark of an item, if it has one.
    pub fn on(item: &Item) -> Option<Self> {
        text(item, DELETING)?.to_owned().try_into().ok()
    }

    /// Returns whether an interrupted deletion left the mark before it was decided. A write that
    /// such a mark refuses removes it first. If the deletion continues after all, it then fails
    /// because its mark is gone.
    pub fn is_abandoned(&self, now: Timestamp) -> bool {
        !self.decided && now.duration_since(self.set_at).abs() >= ABANDONED_AFTER
    }
}

impl fmt::Display for DeletionMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decided = if self.decided { DECIDED } else { "" };
        write!(f, "{} at {}{decided} by {}", self.request_id, self.set_at, self.subject)
    }
}

impl TryFrom<String> for DeletionMark {
    type Error = &'static str;

    /// A request id contains no spaces; a subject may.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        const INVALID: &str = "is not a deletion mark (request at instant by subject)";
        let (request, subject) = text.split_once(" by ").ok_or(INVALID)?;
        let undecided = request.strip_suffix(DECIDED);
        let (request_id, set_at) =
            undecided.unwrap_or(request).split_once(" at ").ok_or(INVALID)?;
        Ok(Self {
            request_id: request_id.to_owned(),
            set_at: set_at.parse().map_err(|_| INVALID)?,
            subject: subject.to_owned(),
            decided: undecided.is_some(),
        })
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
        for (decided, text) in [
            (false, "r1 at 2035-01-15T08:00:00.123456789Z by a decided by b"),
            (true, "r1 at 2035-01-15T08:00:00.123456789Z decided by a at b by c"),
        ] {
            let subject = text.split_once(" by ").unwrap().1.to_owned();
            let set_at = "2035-01-15T08:00:00.123456789Z".parse().unwrap();
            let mark = DeletionMark { request_id: "r1".to_owned(), set_at, subject, decided };
            assert_eq!(mark.to_string(), text);
            assert_eq!(DeletionMark::try_from(text.to_owned()), Ok(mark));
        }
        for text in ["r1 by a", "r1 at noon by a", "r1 at 2035-01-15T08:00:00Z"] {
            assert!(DeletionMark::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_mark_is_abandoned_five_minutes_from_its_instant_unless_it_is_decided() {
        let set_at: Timestamp = "2035-01-15T08:00:00Z".parse().unwrap();
        let (request_id, subject) = ("r1".to_owned(), "a".to_owned());
        let mark = DeletionMark { request_id, set_at, subject, decided: false };
        let decided = DeletionMark { decided: true, ..mark.clone() };
        for (seconds, abandoned) in
            [(0, false), (299, false), (300, true), (-299, false), (-300, true)]
        {
            let now = set_at + SignedDuration::from_secs(seconds);
            assert_eq!(mark.is_abandoned(now), abandoned, "{seconds}");
            assert!(!decided.is_abandoned(now));
        }
    }
}
