//! The shapes that items of one type have had, and how an item of an older one is read.
//!
//! A shape changes without a pause in two releases (`migrations-terraform/migrations/README.md`): the first reads the
//! new shape and still writes the old one, the second writes the new one. So no replica ever meets an item that it
//! can't read while either is rolled out.

use super::{Entity, Item, Record, StoreError, codec::number, errors::Cause};

/// Makes one version's item of another's, in place.
pub type Step = fn(&mut Item) -> Result<(), Cause>;

/// The shapes of one type, by their version: an item's `v`, counted from 1.
#[derive(Debug, Clone, Copy)]
pub struct Shapes {
    /// The step from each version to the next: the first one makes version 2 of version 1.
    pub upcasts: &'static [Step],
    /// The step from the newest version to the one before, while the newest is read but not yet written.
    pub downcast: Option<Step>,
}

impl Shapes {
    /// There has been one shape only.
    pub const FIRST: Self = Self { upcasts: &[], downcast: None };

    /// The version that the code works with.
    #[must_use]
    pub fn newest(&self) -> usize {
        1 + self.upcasts.len()
    }

    /// The version that is written.
    #[must_use]
    pub fn written(&self) -> usize {
        self.newest() - usize::from(self.downcast.is_some())
    }

    /// Makes the newest shape of an item as it was read.
    ///
    /// # Errors
    /// [`StoreError::NewerShape`] if only a later release knows its shape, [`StoreError::Corrupt`] if it has none.
    pub fn upcast(&self, kind: &'static str, item: &mut Item) -> Result<(), StoreError> {
        let version =
            version(item).ok_or_else(|| StoreError::corrupt(kind, "it has no version"))?;
        if version > self.newest() {
            return Err(StoreError::NewerShape { kind, version });
        }
        for step in &self.upcasts[version - 1..] {
            step(item).map_err(|cause| StoreError::corrupt(kind, cause))?;
        }
        Ok(())
    }

    /// Makes the shape that is written of an item in the newest one, and says so in it.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it can't be.
    pub fn downcast(&self, kind: &'static str, item: &mut Item) -> Result<(), StoreError> {
        if let Some(step) = self.downcast {
            step(item).map_err(|cause| StoreError::corrupt(kind, cause))?;
        }
        item.insert("v".to_owned(), number(self.written() as u64));
        Ok(())
    }
}

fn version(item: &Item) -> Option<usize> {
    item.get("v")?.as_n().ok()?.parse().ok().filter(|version| *version > 0)
}

/// What a backfill does about an item.
#[derive(Debug)]
pub enum Rewrite {
    /// It is as it would be written today.
    Current,
    /// It would be written like this today.
    Outdated(Item),
}

/// A type of items, for who reads items without knowing of which type they are.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// The items' `type`.
    pub name: &'static str,
    rewrite: fn(&Item) -> Result<Rewrite, StoreError>,
}

impl Kind {
    /// The type of a record.
    #[must_use]
    pub const fn of<T: Record>() -> Self {
        Self { name: T::TYPE, rewrite: rewrite::<T> }
    }

    /// A type whose items are never written a second time: a backfill leaves them alone.
    #[must_use]
    pub const fn left_alone(name: &'static str) -> Self {
        Self { name, rewrite: |_| Ok(Rewrite::Current) }
    }

    /// How an item of this type would be written today.
    ///
    /// # Errors
    /// Why it can't be read.
    pub fn rewrite(&self, item: &Item) -> Result<Rewrite, StoreError> {
        (self.rewrite)(item)
    }
}

/// Attributes that the type does not know stay.
fn rewrite<T: Record>(item: &Item) -> Result<Rewrite, StoreError> {
    let mut current = item.clone();
    if T::SHAPES.downcast.is_none() {
        T::SHAPES.upcast(T::TYPE, &mut current)?;
    }
    current.extend(Entity::<T>::from_item(item.clone())?.to_item()?);
    Ok(if current == *item { Rewrite::Current } else { Rewrite::Outdated(current) })
}

#[cfg(test)]
mod tests;
