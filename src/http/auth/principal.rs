//! The caller, from the claims of a verified token.

use std::collections::BTreeSet;

use clap::ValueEnum;

use crate::id::{ClinicId, OrgId, PatientId};

/// The caller. Every request that returns records has one, and handlers identify the caller only by
/// it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The organisation whose records the caller may see.
    pub org: OrgId,
    /// The token's `sub`, which is stored in `updated_by`.
    pub subject: String,
    /// The roles.
    pub roles: BTreeSet<Role>,
    /// The clinics at which the caller works.
    pub clinics: Clinics,
    /// The patient id, if the caller is a patient.
    pub patient: Option<PatientId>,
}

/// The role of a caller. A token may have several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Role {
    /// Administers the organisation.
    Admin,
    /// Manages clinics.
    Manager,
    /// Treats patients at clinics.
    Clinician,
    /// Books and receives patients at clinics.
    FrontDesk,
    /// A patient, who sees their own appointments only.
    Patient,
    /// A program that acts for the organisation, such as a patient portal.
    Service,
}

impl Role {
    /// All roles, in the order of the policy's columns.
    pub const ALL: [Self; 6] = {
        use Role::{Admin, Clinician, FrontDesk, Manager, Patient, Service};
        [Admin, Manager, Clinician, FrontDesk, Patient, Service]
    };

    /// Returns the name in tokens.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Manager => "manager",
            Self::Clinician => "clinician",
            Self::FrontDesk => "front_desk",
            Self::Patient => "patient",
            Self::Service => "service",
        }
    }
}

/// The clinics of a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clinics {
    /// Every clinic of the organisation.
    All,
    /// These clinics. Ids of other organisations have no effect.
    Some(BTreeSet<ClinicId>),
}

impl Clinics {
    /// Returns whether a clinic is one of them.
    pub fn contain(&self, clinic: &ClinicId) -> bool {
        match self {
            Self::All => true,
            Self::Some(clinics) => clinics.contains(clinic),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_named_alike_on_the_command_line_and_in_tokens() {
        for role in Role::ALL {
            let value = role.to_possible_value().unwrap();
            assert_eq!(value.get_name(), role.as_str());
        }
    }
}
