//! Who may do what: one row an operation, one column a role. `docs/authorisation.md` shows the same table.

use super::principal::{Principal, Role};

/// On which records a role may do an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The patient that the caller is, and their appointments.
    OwnRecords,
    /// The clinics that the caller works at. What belongs to no single clinic, as patients do, is not in it.
    OwnClinics,
    /// All of the organisation.
    Organisation,
}

/// One operation's row.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The operation's id in the OpenAPI document.
    pub operation: &'static str,
    scopes: [Option<Scope>; 6],
}

const ORG: Option<Scope> = Some(Scope::Organisation);
const OWN: Option<Scope> = Some(Scope::OwnClinics);
const SELF: Option<Scope> = Some(Scope::OwnRecords);
const NO: Option<Scope> = None;

const fn row(operation: &'static str, scopes: [Option<Scope>; 6]) -> Row {
    Row { operation, scopes }
}

/// The policy. What is not in it is refused to everybody.
#[rustfmt::skip]
pub const POLICY: &[Row] = &[
    //                                 admin manager clinician front_desk patient service
    row("list_clinics",               [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
    row("create_clinic",              [ORG,  NO,     NO,       NO,        NO,     NO ]),
    row("get_clinic",                 [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
    row("update_clinic",              [ORG,  OWN,    NO,       NO,        NO,     NO ]),
    row("delete_clinic",              [ORG,  NO,     NO,       NO,        NO,     NO ]),
    row("get_clinic_overview",        [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
    row("list_staff",                 [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
    row("create_staff_member",        [ORG,  OWN,    NO,       NO,        NO,     NO ]),
    row("get_staff_member",           [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
    row("update_staff_member",        [ORG,  OWN,    NO,       NO,        NO,     NO ]),
    row("delete_staff_member",        [ORG,  OWN,    NO,       NO,        NO,     NO ]),
    row("find_patients",              [ORG,  ORG,    ORG,      ORG,       NO,     ORG]),
    row("create_patient",             [ORG,  ORG,    ORG,      ORG,       NO,     ORG]),
    row("get_patient",                [ORG,  ORG,    ORG,      ORG,       NO,     ORG]),
    row("update_patient",             [ORG,  ORG,    ORG,      ORG,       NO,     ORG]),
    row("delete_patient",             [ORG,  NO,     NO,       NO,        NO,     NO ]),
    row("export_patient",             [ORG,  NO,     NO,       NO,        NO,     NO ]),
    row("list_patient_accesses",      [ORG,  NO,     NO,       NO,        NO,     NO ]),
    row("list_patient_audit_events",  [ORG,  NO,     NO,       NO,        NO,     NO ]),
    row("list_appointment_audit_events",[ORG,OWN,    NO,       NO,        NO,     NO ]),
    row("list_clinic_audit_events",   [ORG,  OWN,    NO,       NO,        NO,     NO ]),
    row("list_resources",             [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
    row("create_resource",            [ORG,  OWN,    NO,       NO,        NO,     NO ]),
    row("get_resource",               [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
    row("update_resource",            [ORG,  OWN,    NO,       NO,        NO,     NO ]),
    row("delete_resource",            [ORG,  OWN,    NO,       NO,        NO,     NO ]),
    row("list_visit_types",           [ORG,  OWN,    OWN,      OWN,       SELF,   ORG]),
    row("create_visit_type",          [ORG,  OWN,    NO,       NO,        NO,     NO ]),
    row("get_visit_type",             [ORG,  OWN,    OWN,      OWN,       SELF,   ORG]),
    row("update_visit_type",          [ORG,  OWN,    NO,       NO,        NO,     NO ]),
    row("delete_visit_type",          [ORG,  OWN,    NO,       NO,        NO,     NO ]),
    row("list_exceptions",            [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
    row("create_exception",           [ORG,  OWN,    NO,       NO,        NO,     NO ]),
    row("get_exception",              [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
    row("delete_exception",           [ORG,  OWN,    NO,       NO,        NO,     NO ]),
    row("list_patient_appointments",  [ORG,  OWN,    OWN,      OWN,       SELF,   ORG]),
    row("list_clinic_appointments",   [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
    row("create_appointment",         [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
    row("get_appointment",            [ORG,  OWN,    OWN,      OWN,       SELF,   ORG]),
    row("update_appointment",         [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
    row("delete_appointment",         [ORG,  OWN,    NO,       NO,        NO,     NO ]),
    row("change_appointment_status",  [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
    row("cancel_appointment",         [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
    row("reschedule_appointment",     [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
    row("create_hold",                [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
    row("confirm_hold",               [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
    row("release_hold",               [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
    row("list_availability",          [ORG,  OWN,    OWN,      OWN,       SELF,   ORG]),
    row("get_day",                    [ORG,  OWN,    OWN,      OWN,       NO,     ORG]),
    row("list_webhooks",              [ORG,  NO,     NO,       NO,        NO,     NO ]),
    row("create_webhook",             [ORG,  NO,     NO,       NO,        NO,     NO ]),
    row("get_webhook",                [ORG,  NO,     NO,       NO,        NO,     NO ]),
    row("update_webhook",             [ORG,  NO,     NO,       NO,        NO,     NO ]),
    row("delete_webhook",             [ORG,  NO,     NO,       NO,        NO,     NO ]),
    row("rotate_webhook_secret",      [ORG,  NO,     NO,       NO,        NO,     NO ]),
    row("list_deliveries",            [ORG,  NO,     NO,       NO,        NO,     NO ]),
    row("get_delivery",               [ORG,  NO,     NO,       NO,        NO,     NO ]),
    row("replay_delivery",            [ORG,  NO,     NO,       NO,        NO,     NO ]),
];

/// What a booking may do against the rules, in the hands of some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Override {
    /// Overlap other appointments.
    Overbook,
    /// Lie outside of working hours.
    AnyHours,
}

impl Override {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Overbook, Self::AnyHours];

    /// Its member in a body.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Overbook => "overbook",
            Self::AnyHours => "any_hours",
        }
    }

    /// Whether a role allows it.
    #[must_use]
    pub fn is_allowed(self, role: Role) -> bool {
        match self {
            Self::Overbook => matches!(role, Role::Admin | Role::Manager | Role::Clinician),
            Self::AnyHours => {
                matches!(role, Role::Admin | Role::Manager | Role::Clinician | Role::FrontDesk)
            }
        }
    }
}

/// The operations that ask nobody who they are: they tell nothing of an organisation.
pub const PUBLIC: &[&str] = &["get_liveness", "get_readiness", "get_version"];

impl Row {
    /// The row of an operation.
    #[must_use]
    pub fn of(operation: &str) -> Option<&'static Self> {
        POLICY.iter().find(|row| row.operation == operation)
    }

    /// On which records a role may do it, if on any.
    #[must_use]
    pub fn scope(&self, role: Role) -> Option<Scope> {
        let column = Role::ALL.iter().position(|listed| *listed == role)?;
        self.scopes[column]
    }

    /// The widest scope that any role of the caller gives.
    #[must_use]
    pub fn scope_of(&self, principal: &Principal) -> Option<Scope> {
        principal.roles.iter().filter_map(|role| self.scope(*role)).max()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::http::auth::principal::Clinics;

    #[test]
    fn an_operation_has_one_row() {
        let mut seen = BTreeSet::new();
        for operation in POLICY.iter().map(|row| row.operation).chain(PUBLIC.iter().copied()) {
            assert!(seen.insert(operation), "{operation} has two");
        }
    }

    #[test]
    fn of_several_roles_the_widest_scope_counts() {
        let principal = |roles: &[Role]| Principal {
            org: "ORG-A".parse().unwrap(),
            subject: "s".to_owned(),
            roles: roles.iter().copied().collect(),
            clinics: Clinics::All,
            patient: None,
        };
        let list = Row::of("list_patient_appointments").unwrap();
        assert_eq!(list.scope_of(&principal(&[])), None);
        assert_eq!(list.scope_of(&principal(&[Role::Patient])), Some(Scope::OwnRecords));
        let both = [Role::Patient, Role::FrontDesk];
        assert_eq!(list.scope_of(&principal(&both)), Some(Scope::OwnClinics));
        assert_eq!(list.scope_of(&principal(&Role::ALL)), Some(Scope::Organisation));
        assert!(Row::of("nothing").is_none());
    }
}
