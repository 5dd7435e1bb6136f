//! The access policy: one rule per operation, one column per role. `docs/authorisation.md` lists
//! all rules.

use super::principal::{Principal, Role};

/// The records on which a role may use an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The caller's own patient record and appointments.
    OwnRecords,
    /// The clinics at which the caller works. Records of no single clinic, such as patients, are
    /// excluded.
    OwnClinics,
    /// All records of the organisation.
    Organisation,
}

/// The rule of one operation: the roles that may use it, and on which records.
#[derive(Debug, Clone, Copy)]
pub struct PolicyRule {
    /// The operation's id in the OpenAPI document.
    pub operation: &'static str,
    /// The scope of each role, in the order of [`Role::ALL`]. `None` if the operation needs no
    /// token.
    scopes: Option<[Option<Scope>; 6]>,
    /// Whether the operation may use much CPU time.
    pub(super) is_heavy: bool,
    /// Whether the operation searches for patients, which has a rate limit of its own.
    pub(super) is_search: bool,
}

/// Access to all records of the organisation.
pub const ORG: Option<Scope> = Some(Scope::Organisation);
/// Access to the caller's clinics.
pub const OWN: Option<Scope> = Some(Scope::OwnClinics);
/// Access to the caller's own records.
pub const SELF: Option<Scope> = Some(Scope::OwnRecords);
/// No access.
pub const NO: Option<Scope> = None;

/// Returns the rule of an operation, with the scopes in the order of [`Role::ALL`].
pub const fn rule(operation: &'static str, scopes: [Option<Scope>; 6]) -> PolicyRule {
    PolicyRule { operation, scopes: Some(scopes), is_heavy: false, is_search: false }
}

/// Returns the rule of an operation without authentication. It must return no data of an
/// organisation.
pub const fn public(operation: &'static str) -> PolicyRule {
    PolicyRule { operation, scopes: None, is_heavy: false, is_search: false }
}

/// A rule of booking that some roles may override.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Override {
    /// The appointment may overlap others.
    Overbook,
    /// The appointment may be outside working hours.
    AnyHours,
}

impl Override {
    /// Returns its member in a body.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Overbook => "overbook",
            Self::AnyHours => "any_hours",
        }
    }

    /// Returns whether a role allows it.
    pub(super) fn is_allowed(self, role: Role) -> bool {
        match self {
            Self::Overbook => matches!(role, Role::Admin | Role::Manager | Role::Clinician),
            Self::AnyHours => Self::Overbook.is_allowed(role) || role == Role::FrontDesk,
        }
    }
}

impl PolicyRule {
    /// Marks an operation that may use much CPU time. Few of one organisation run at the same time.
    #[must_use]
    pub const fn heavy(self) -> Self {
        Self { is_heavy: true, ..self }
    }

    /// Marks a search for patients.
    #[must_use]
    pub const fn search(self) -> Self {
        Self { is_search: true, ..self }
    }

    /// Returns whether the operation needs no token.
    pub fn is_public(&self) -> bool {
        self.scopes.is_none()
    }

    /// Returns the scope of a role, if it has access.
    pub fn scope(&self, role: Role) -> Option<Scope> {
        let column = Role::ALL.iter().position(|listed| *listed == role)?;
        self.scopes?[column]
    }

    /// Returns the widest scope among the caller's roles.
    pub(super) fn scope_of(&self, principal: &Principal) -> Option<Scope> {
        principal.roles.iter().filter_map(|role| self.scope(*role)).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::auth::principal::Clinics;

    #[test]
    fn of_several_roles_the_widest_scope_counts() {
        let principal = |roles: &[Role]| Principal {
            org: "ORG-A".parse().unwrap(),
            subject: "s".to_owned(),
            roles: roles.iter().copied().collect(),
            clinics: Clinics::All,
            patient: None,
        };
        let list = rule("list", [ORG, OWN, OWN, OWN, SELF, NO]);
        assert_eq!(list.scope_of(&principal(&[])), None);
        assert_eq!(list.scope_of(&principal(&[Role::Service])), None);
        assert_eq!(list.scope_of(&principal(&[Role::Patient])), Some(Scope::OwnRecords));
        let both = [Role::Patient, Role::FrontDesk];
        assert_eq!(list.scope_of(&principal(&both)), Some(Scope::OwnClinics));
        assert_eq!(list.scope_of(&principal(&Role::ALL)), Some(Scope::Organisation));
    }
}
