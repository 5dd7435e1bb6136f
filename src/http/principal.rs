//! Who the caller is.

use std::convert::Infallible;

use axum::{
    extract::{FromRef, FromRequestParts},
    http::request::Parts,
};

use crate::id::OrgId;

/// The caller: every request has one, and every handler learns of it here alone.
///
/// Until callers can prove who they are, each is the development principal: the administrator of one
/// organisation that the settings name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The organisation whose records they may see.
    pub org: OrgId,
    /// What stands in `updated_by`.
    pub subject: String,
    /// What they may do.
    pub role: Role,
}

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything in their organisation.
    Admin,
}

impl Principal {
    /// The administrator that stands for every caller until identities can be proven.
    #[must_use]
    pub fn development(org: OrgId) -> Self {
        Self { org, subject: "development".to_owned(), role: Role::Admin }
    }
}

impl<S> FromRequestParts<S> for Principal
where
    Self: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self::from_ref(state))
    }
}
