//! One conditional write.

use crate::store::{
    attributes::{Item, item_bytes},
    expression::{Change, Condition},
    keys::Key,
};

/// One conditional write; several make a transaction.
#[derive(Clone)]
#[expect(missing_docs, reason = "key, item, change and condition say what they are")]
pub enum Write {
    /// Store a whole item.
    Put { item: Item, condition: Condition },
    /// Change some attributes.
    Update { key: Key, change: Change, condition: Condition },
    /// Change some attributes of an item; nothing where there is no such item.
    UpdateIfPresent { key: Key, change: Change },
    /// Delete an item.
    Delete { key: Key, condition: Condition },
    /// Write nothing, but let the others happen only if the condition holds.
    Check { key: Key, condition: Condition },
}

impl Write {
    /// What it stores, in bytes.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Put { item, .. } => item_bytes(item),
            Self::Update { change, .. } | Self::UpdateIfPresent { change, .. } => change.bytes(),
            Self::Delete { .. } | Self::Check { .. } => 0,
        }
    }

    /// The operation that does it alone.
    pub(super) fn operation(&self) -> &'static str {
        match self {
            Self::Put { .. } => "PutItem",
            Self::Update { .. } | Self::UpdateIfPresent { .. } => "UpdateItem",
            Self::Delete { .. } => "DeleteItem",
            Self::Check { .. } => "TransactWriteItems",
        }
    }
}
