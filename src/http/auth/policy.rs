//! Who may do what: one rule an operation, one column a role. `docs/authorisation.md` shows them all.

use super::principal::{Principal, Role};

/// The records on which a role may do an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The patient that the caller is, and their appointments.
    OwnRecords,
    /// The clinics that the caller works at. What belongs to no single clinic, as patients do, is not in it.
    OwnClinics,
    /// All of the organisation.
    Organisation,
}

/// The rule of one operation: who may do it, on which records.
#[derive(Debug, Clone, Copy)]
pub struct PolicyRule {
    /// The operation's id in the OpenAPI document.
    pub operation: &'static str,
    /// The scope of each role, in the order of [`Role::ALL`]; none if the operation asks nobody who they are.
    scopes: Option<[Option<Scope>; 6]>,
}

/// All of the organisation.
pub const ORG: Option<Scope> = Some(Scope::Organisation);
/// The caller's clinics.
pub const OWN: Option<Scope> = Some(Scope::OwnClinics);
/// The caller's own records.
pub const SELF: Option<Scope> = Some(Scope::OwnRecords);
/// Nothing.
pub const NO: Option<Scope> = None;

/// The rule of an operation, by the roles in the order of [`Role::ALL`].
pub const fn rule(operation: &'static str, scopes: [Option<Scope>; 6]) -> PolicyRule {
    PolicyRule { operation, scopes: Some(scopes) }
}

/// The rule of an operation that asks nobody who they are: it tells nothing of an organisation.
pub const fn public(operation: &'static str) -> PolicyRule {
    PolicyRule { operation, scopes: None }
}

/// What a booking may do against the rules, in the hands of some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Override {
    /// Overlap other appointments.
    Overbook,
    /// Lie outside of working hours.
    AnyHours,
}

impl Override {
    /// Its member in a body.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Overbook => "overbook",
            Self::AnyHours => "any_hours",
        }
    }

    /// Whether a role allows it.
    pub(super) fn is_allowed(self, role: Role) -> bool {
        match self {
            Self::Overbook => matches!(role, Role::Admin | Role::Manager | Role::Clinician),
            Self::AnyHours => Self::Overbook.is_allowed(role) || role == Role::FrontDesk,
        }
    }
}

impl PolicyRule {
    /// Whether the operation asks nobody who they are.
    pub fn is_public(&self) -> bool {
        self.scopes.is_none()
    }

    /// On which records a role may do it, if on any.
    pub fn scope(&self, role: Role) -> Option<Scope> {
        let column = Role::ALL.iter().position(|listed| *listed == role)?;
        self.scopes?[column]
    }

    /// The widest scope that any role of the caller gives.
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
