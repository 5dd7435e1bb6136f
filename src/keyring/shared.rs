//! Keys that all clones share, so that a running process can replace them.

use std::sync::{Arc, PoisonError, RwLock};

/// The keys of one purpose. Clones share them.
#[derive(Clone)]
pub(super) struct SharedKeys<K>(Arc<RwLock<Arc<[K]>>>);

impl<K> SharedKeys<K> {
    /// The current keys.
    pub(super) fn get(&self) -> Arc<[K]> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the keys of every clone with the current keys of `other`.
    pub(super) fn replace(&self, other: &Self) {
        let keys = other.get();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }
}

impl<K> FromIterator<K> for SharedKeys<K> {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        Self(Arc::new(RwLock::new(keys.into_iter().collect())))
    }
}
