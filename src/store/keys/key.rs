//! A key as two attributes of an item.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::names::{GSI1PK, GSI1SK, PK, SK};

/// Where an item lives in the table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    pub(super) pk: String,
    pub(super) sk: String,
}

impl Key {
    pub(super) fn new(pk: String, sk: impl Into<String>) -> Self {
        Self { pk, sk: sk.into() }
    }

    /// The key's two attributes.
    #[must_use]
    pub fn attributes(&self) -> HashMap<String, AttributeValue> {
        HashMap::from([
            (PK.to_owned(), AttributeValue::S(self.pk.clone())),
            (SK.to_owned(), AttributeValue::S(self.sk.clone())),
        ])
    }

    /// The key of an item as it was read.
    #[must_use]
    pub fn of(item: &HashMap<String, AttributeValue>) -> Option<Self> {
        let text = |name| item.get(name)?.as_s().ok().cloned();
        Some(Self { pk: text(PK)?, sk: text(SK)? })
    }

    /// The key for a person to look at: without a record number, which is known of a patient.
    #[must_use]
    pub fn for_people(&self) -> String {
        let pk = if self.pk.starts_with("MRN#") { "MRN#…" } else { &self.pk };
        format!("{pk} / {}", self.sk)
    }
}

/// Where an item lives in the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexKey {
    pub(super) pk: String,
    pub(super) sk: String,
}

impl IndexKey {
    /// The index key's two attributes.
    #[must_use]
    pub fn attributes(&self) -> [(String, AttributeValue); 2] {
        [
            (GSI1PK.to_owned(), AttributeValue::S(self.pk.clone())),
            (GSI1SK.to_owned(), AttributeValue::S(self.sk.clone())),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_without_a_key_has_none() {
        assert_eq!(Key::of(&HashMap::new()), None);
        let number = HashMap::from([
            (PK.to_owned(), AttributeValue::N("1".to_owned())),
            (SK.to_owned(), AttributeValue::S("META".to_owned())),
        ]);
        assert_eq!(Key::of(&number), None);
    }
}
