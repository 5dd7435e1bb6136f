//! The shapes that items of one type have had, and how an item of an older one is read.
//!
//! A shape changes without a pause in two releases (`migrations-terraform/migrations/README.md`): the first reads the
//! new shape and still writes the old one, the second writes the new one.

use super::{Item, StoreError, attributes::number, errors::Cause};

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
    fn newest(&self) -> usize {
        1 + self.upcasts.len()
    }

    /// The version that is written.
    fn written(&self) -> usize {
        self.newest() - usize::from(self.downcast.is_some())
    }

    /// Makes the newest shape of an item as it was read. [`StoreError::NewerShape`] if only a later release knows its shape.
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
