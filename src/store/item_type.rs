//! Item types, for code that reads items of any type.

use aws_sdk_dynamodb::types::AttributeValue;

use super::{Entity, Item, Record, StoreError};

/// What a backfill does about an item.
#[derive(Debug)]
pub enum Rewrite {
    /// It is as it would be written today.
    Current,
    /// It would be written like this today.
    Outdated(Item),
}

/// An item type, for code that reads items of any type.
#[derive(Debug, Clone, Copy)]
pub struct ItemType {
    /// The items' `type`.
    pub name: &'static str,
    /// Whether the audit log keeps their changes, which may be events as well.
    pub audited: bool,
    rewrite: fn(&Item) -> Result<Rewrite, StoreError>,
}

impl ItemType {
    /// The type of a record.
    #[must_use]
    pub const fn of<T: Record>() -> Self {
        Self { name: T::TYPE, audited: false, rewrite: rewrite::<T> }
    }

    /// The type of a record whose changes are audited.
    #[must_use]
    pub const fn audited<T: Record>() -> Self {
        Self { audited: true, ..Self::of::<T>() }
    }

    /// A type whose items are never written a second time: a backfill does not rewrite them.
    #[must_use]
    pub const fn never_rewritten(name: &'static str) -> Self {
        Self { name, audited: false, rewrite: |_| Ok(Rewrite::Current) }
    }

    /// How an item of this type would be written today.
    ///
    /// # Errors
    /// Why it can't be read.
    pub fn rewrite(&self, item: &Item) -> Result<Rewrite, StoreError> {
        (self.rewrite)(item)
    }
}

/// Attributes that the type does not know stay, also inside of maps.
fn rewrite<T: Record>(item: &Item) -> Result<Rewrite, StoreError> {
    let mut current = item.clone();
    if T::SHAPES.downcast.is_none() {
        T::SHAPES.upcast(T::TYPE, &mut current)?;
    }
    merge(&mut current, Entity::<T>::from_item(item.clone())?.to_item()?);
    Ok(if current == *item { Rewrite::Current } else { Rewrite::Outdated(current) })
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
