//! Item types, for code that reads items of any type.

use aws_sdk_dynamodb::types::AttributeValue;

use super::{Entity, Item, Record, StoreError};

/// An item type, for code that reads items of any type.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct ItemType {
    /// The items' `type`.
    pub name: &'static str,
    /// Whether the audit log keeps their changes, which may be events as well.
    pub audited: bool,
    rewrite: fn(&Item) -> Result<Option<Item>, StoreError>,
}

impl ItemType {
    /// The type of a record.
    pub const fn of<T: Record>() -> Self {
        Self { name: T::TYPE, audited: false, rewrite: rewrite::<T> }
    }

    /// The type of a record whose changes are audited.
    pub const fn audited<T: Record>() -> Self {
        Self { audited: true, ..Self::of::<T>() }
    }

    /// A type whose items are never written a second time: a backfill does not rewrite them.
    pub const fn never_rewritten(name: &'static str) -> Self {
        Self { name, audited: false, rewrite: |_| Ok(None) }
    }

    /// An outdated item of this type as it would be written today.
    pub fn rewrite(&self, item: &Item) -> Result<Option<Item>, StoreError> {
        (self.rewrite)(item)
    }
}

/// Attributes that the type does not know stay, also inside of maps.
fn rewrite<T: Record>(item: &Item) -> Result<Option<Item>, StoreError> {
    let mut current = item.clone();
    if T::SHAPES.downcast.is_none() {
        T::SHAPES.upcast(T::TYPE, &mut current)?;
    }
    merge(&mut current, Entity::<T>::from_item(item.clone())?.to_item()?);
    Ok((current != *item).then_some(current))
}

fn merge(into: &mut Item, from: Item) {
    for (name, value) in from {
        match into.get_mut(&name) {
            Some(known) => merge_value(known, value),
            None => {
                into.insert(name, value);
            }
        }
    }
}

fn merge_value(into: &mut AttributeValue, from: AttributeValue) {
    match (into, from) {
        (AttributeValue::M(into), AttributeValue::M(from)) => merge(into, from),
        (AttributeValue::L(into), AttributeValue::L(from)) if into.len() == from.len() => {
            for (into, from) in into.iter_mut().zip(from) {
                merge_value(into, from);
            }
        }
        (into, from) => *into = from,
    }
}
