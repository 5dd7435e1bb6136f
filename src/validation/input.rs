//! Deserialisation of what people enter.

use serde::{Deserialize, Deserializer};

use crate::sensitive::Sensitive;

/// Text from which white space at the beginning and the end can be removed.
pub trait Trim {
    /// Returns the text without white space at the beginning and the end.
    #[must_use]
    fn trim(self) -> Self;
}

impl Trim for String {
    fn trim(self) -> Self {
        str::trim(&self).to_owned()
    }
}

impl Trim for Sensitive<String> {
    fn trim(self) -> Self {
        str::trim(self.expose()).to_owned().into()
    }
}

impl<T: Trim> Trim for Option<T> {
    fn trim(self) -> Self {
        self.map(Trim::trim)
    }
}

/// Deserialises text, without white space at the beginning and the end.
pub fn trimmed<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Trim,
{
    T::deserialize(deserializer).map(Trim::trim)
}

/// Deserialises a list of texts as [`trimmed`] and [`list_or_null`] do.
pub fn trimmed_list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Trim,
{
    let list = list_or_null::<D, T>(deserializer)?;
    Ok(list.into_iter().map(Trim::trim).collect())
}

/// Deserialises a list. Null is an empty list: a merge patch may contain null where there is no
/// list yet.
pub fn list_or_null<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
