//! The id of an organisation.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The id of an organisation: the health group that owns the clinics, staff and patients.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrgId(String);

impl OrgId {
    /// Returns the organisation's id as it appears in keys.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for OrgId {
    type Error = InvalidOrgId;

    fn try_from(text: String) -> Result<Self, InvalidOrgId> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        if fits { Ok(Self(text)) } else { Err(InvalidOrgId) }
    }
}

impl FromStr for OrgId {
    type Err = InvalidOrgId;

    fn from_str(text: &str) -> Result<Self, InvalidOrgId> {
        Self::try_from(text.to_owned())
    }
}

impl From<OrgId> for String {
    fn from(org: OrgId) -> Self {
        org.0
    }
}

impl fmt::Display for OrgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text that is not an organisation's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 letters, digits, dots, dashes or underscores")]
pub struct InvalidOrgId;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organisation_has_no_key_separator() {
        assert!("ORG-DEMO".parse::<OrgId>().is_ok());
        for bad in ["", "A#B", "a b", &"x".repeat(65)] {
            assert!(bad.parse::<OrgId>().is_err(), "{bad}");
        }
    }
}
