//! The id of a record of any kind.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Id, decode};

/// The id of a record of any kind in the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecordId(String);

impl TryFrom<String> for RecordId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let prefix = text.get(..3).filter(|prefix| prefix.bytes().all(|b| b.is_ascii_uppercase()));
        match prefix.and_then(|prefix| decode(&text, prefix)) {
            Some(_) => Ok(Self(text)),
            None => Err("must be the id of a record"),
        }
    }
}

impl From<RecordId> for String {
    fn from(id: RecordId) -> Self {
        id.0
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<K> From<&Id<K>> for RecordId {
    fn from(id: &Id<K>) -> Self {
        Self(id.0.clone())
    }
}
