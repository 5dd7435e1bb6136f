//! Keys as attributes of an item.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

/// Partition key attribute.
pub const PK: &str = "PK";
/// Sort key attribute.
pub const SK: &str = "SK";
/// The name of the index.
pub const GSI1: &str = "GSI1";
/// Partition key attribute of [`GSI1`].
pub const GSI1PK: &str = "GSI1PK";
/// Sort key attribute of [`GSI1`].
pub const GSI1SK: &str = "GSI1SK";
/// The TTL attribute, in epoch seconds.
pub const EXPIRES_AT: &str = "expires_at";

/// The key of an item in the table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[must_use]
pub struct Key {
    pub(super) pk: String,
    pub(super) sk: String,
}

impl Key {
    pub(super) fn new(pk: String, sk: impl Into<String>) -> Self {
        Self { pk, sk: sk.into() }
    }

    /// Returns the two key attributes.
    pub fn attributes(&self) -> HashMap<String, AttributeValue> {
        HashMap::from([
            (PK.to_owned(), AttributeValue::S(self.pk.clone())),
            (SK.to_owned(), AttributeValue::S(self.sk.clone())),
        ])
    }

    /// Returns the key of an item.
    pub fn of(item: &HashMap<String, AttributeValue>) -> Option<Self> {
        let text = |name| item.get(name)?.as_s().ok().cloned();
        Some(Self { pk: text(PK)?, sk: text(SK)? })
    }

    /// Returns the key as text. No key contains patient data.
    pub fn for_people(&self) -> String {
        format!("{} / {}", self.pk, self.sk)
    }
}

/// The key of an item in the index.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct IndexKey {
    pub(super) pk: String,
    pub(super) sk: String,
}

impl IndexKey {
    /// Returns the two index key attributes.
    pub fn attributes(&self) -> [(String, AttributeValue); 2] {
        [
            (GSI1PK.to_owned(), AttributeValue::S(self.pk.clone())),
            (GSI1SK.to_owned(), AttributeValue::S(self.sk.clone())),
        ]
    }
}
