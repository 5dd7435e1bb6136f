//! The shape of plain records that belong to an organisation, not to a clinic.

use std::ops::Deref;

use serde::{Deserialize, Serialize};

use super::{details::Details, shown::Show};
use crate::id::Id;

/// A plain record of an organisation. It dereferences to its details.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct OfOrg<D: Details> {
    /// The record's id.
    pub id: Id<D::Kind>,
    /// The members that callers set.
    #[serde(flatten)]
    pub details: D,
}

impl<D: Details> Deref for OfOrg<D> {
    type Target = D;

    fn deref(&self) -> &D {
        &self.details
    }
}

impl<D: Details> Show for OfOrg<D> {
    type Details = D;
    const OF_CLINIC: bool = false;
}
