//! One conditional write.

use crate::store::{
    attributes::{Item, item_bytes},
    expression::{Change, Condition},
    keys::Key,
};

/// One conditional write; several make a transaction.
#[derive(Clone)]
#[expect(missing_docs, reason = "the field names are self-explanatory")]
pub enum Write {
    /// Store a whole item.
    Put { item: Item, condition: Condition },
    /// Change some attributes.
    Update { key: Key, change: Change, condition: Condition },
    /// Change some attributes of an item. Does nothing if the item does not exist.
    UpdateIfPresent { key: Key, change: Change },
    /// Delete an item.
    Delete { key: Key, condition: Condition },
    /// Write nothing, but fail the transaction if the condition fails.
    Check { key: Key, condition: Condition },
}

impl Write {
    /// Returns the key of the item that it is about.
    pub fn key(&self) -> Option<Key> {
        match self {
            Self::Put { item, .. } => Key::of(item),
            Self::Update { key, .. }
            | Self::UpdateIfPresent { key, .. }
            | Self::Delete { key, .. }
            | Self::Check { key, .. } => Some(key.clone()),
        }
    }

    /// Returns the size of the stored data in bytes.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Put { item, .. } => item_bytes(item),
            Self::Update { change, .. } | Self::UpdateIfPresent { change, .. } => change.bytes(),
            Self::Delete { .. } | Self::Check { .. } => 0,
        }
    }

    /// Returns the operation that executes this write alone.
    pub(super) fn operation(&self) -> &'static str {
        match self {
            Self::Put { .. } => "PutItem",
            Self::Update { .. } | Self::UpdateIfPresent { .. } => "UpdateItem",
            Self::Delete { .. } => "DeleteItem",
            Self::Check { .. } => "TransactWriteItems",
        }
    }
}
