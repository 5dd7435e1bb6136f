//! The administrative gender.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The administrative gender (FHIR `administrative-gender`).
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Gender {
    Male,
    Female,
    Other,
    Unknown,
}

/// The value is patient data.
impl fmt::Debug for Gender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
