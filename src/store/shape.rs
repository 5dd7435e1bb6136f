//! The shapes of an item type, and the conversion of older ones.
//!
//! A shape changes without downtime in two releases (`migrations-terraform/migrations/README.md`).
//! The first release reads the new shape and still writes the old one. The second release writes
//! the new one.

use super::{Item, StoreError, attributes::number, errors::Cause};

/// Converts an item from one version to another, in place.
pub type Step = fn(&mut Item) -> Result<(), Cause>;

/// The shapes of one type. Versions are an item's `v`, counted from 1.
#[derive(Debug, Clone, Copy)]
pub struct Shapes {
    /// The conversions from each version to the next. The first one converts version 1 to 2.
    pub upcasts: &'static [Step],
    /// The conversion from the newest version to the previous one, while the newest is read but not
    /// yet written.
    pub downcast: Option<Step>,
}

impl Shapes {
    /// A type with one shape.
    pub const FIRST: Self = Self { upcasts: &[], downcast: None };

    /// Returns the version that the code works with.
    fn newest(&self) -> usize {
        1 + self.upcasts.len()
    }

    /// Returns the version that is written.
    fn written(&self) -> usize {
        self.newest() - usize::from(self.downcast.is_some())
    }

    /// Converts an item to the newest shape. Fails with [`StoreError::NewerShape`] if only a later
    /// release knows its shape.
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

    /// Converts an item in the newest shape to the written shape, and sets its version.
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

#[cfg(test)]
mod tests;
