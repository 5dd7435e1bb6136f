//! Item types, for code that reads items of any type.

use aws_sdk_dynamodb::types::AttributeValue;

use super::{Entity, Item, Record, StoreError};

/// An item type, for code that reads items of any type.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct ItemType {
    /// The items' `type`.
    pub name: &'static str,
    /// Whether changes are recorded in the audit log and may become events.
    pub audited: bool,
    rewrite: fn(&Item) -> Result<Option<Item>, StoreError>,
}

impl ItemType {
    /// Returns the type of a record.
    pub const fn of<T: Record>() -> Self {
        Self { name: T::TYPE, audited: false, rewrite: rewrite::<T> }
    }

    /// Returns the type of a record whose changes are audited.
    pub const fn audited<T: Record>() -> Self {
        Self { audited: true, ..Self::of::<T>() }
    }

    /// Returns a type whose items are never changed, so a backfill does not rewrite them.
    pub const fn never_rewritten(name: &'static str) -> Self {
        Self { name, audited: false, rewrite: |_| Ok(None) }
    }

    /// Returns an item of this type as it would be written today, or `None` if it is up to date.
    pub fn rewrite(&self, item: &Item) -> Result<Option<Item>, StoreError> {
        (self.rewrite)(item)
    }
}

/// Unknown attributes remain, also inside maps.
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
