//! Who the caller is, as a token that was verified tells.

use std::collections::BTreeSet;

use clap::ValueEnum;

use crate::id::{ClinicId, OrgId, PatientId};

/// The caller: every request that is answered with records has one, and every handler learns of it here alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The organisation whose records they may see.
    pub org: OrgId,
    /// The token's `sub`: what stands in `updated_by`.
    pub subject: String,
    /// What they are.
    pub roles: BTreeSet<Role>,
    /// The clinics that they work at.
    pub clinics: Clinics,
    /// The patient that they are.
    pub patient: Option<PatientId>,
}

/// What a caller is. A token may name several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Role {
    /// Runs the organisation.
    Admin,
    /// Runs clinics.
    Manager,
    /// Treats patients at clinics.
    Clinician,
    /// Books and receives patients at clinics.
    FrontDesk,
    /// Is a patient.
    Patient,
    /// A program that acts for the organisation, such as a patient portal.
    Service,
}

impl Role {
    /// All of them, in the order of the policy's columns.
    pub const ALL: [Self; 6] = {
        use Role::{Admin, Clinician, FrontDesk, Manager, Patient, Service};
        [Admin, Manager, Clinician, FrontDesk, Patient, Service]
    };

    /// The name in tokens.
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
    /// These; they count only as far as they are the organisation's.
    Some(BTreeSet<ClinicId>),
}

impl Clinics {
    /// Whether a clinic is one of them.
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
