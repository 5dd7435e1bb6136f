//! The callers in tests, and their tokens.

use std::sync::LazyLock;

use clinic_api::{
    http::auth::{Principal, Role, development::DevelopmentIssuer, principal::Clinics},
    id::PatientId,
};
use jiff::SignedDuration;

use super::NOW;

/// The issuer that every test service trusts.
pub fn issuer() -> &'static DevelopmentIssuer {
    static ISSUER: LazyLock<DevelopmentIssuer> =
        LazyLock::new(|| DevelopmentIssuer::random().unwrap());
    &ISSUER
}

/// A principal of `ORG-DEMO` with one role, at every clinic.
pub fn principal(role: Role) -> Principal {
    Principal {
        org: "ORG-DEMO".parse().unwrap(),
        subject: format!("test-{}", role.as_str()),
        roles: [role].into(),
        clinics: Clinics::All,
        patient: None,
    }
}

/// A principal with one role at one clinic, given by its path.
pub fn at_clinic(role: Role, path: &str) -> Principal {
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    Principal { clinics: Clinics::Some([id].into()), ..principal(role) }
}

/// A principal who is a patient.
pub fn patient(id: &str) -> Principal {
    let id: PatientId = id.parse().unwrap();
    Principal { patient: Some(id), ..principal(Role::Patient) }
}

/// The token of a principal. It outlives the clock of every test.
pub fn token(principal: &Principal) -> String {
    let valid = SignedDuration::from_hours(24 * 1000);
    issuer().token(principal, NOW.parse().unwrap(), valid).unwrap()
}

/// The token of an organisation's administrator.
pub fn admin_of(org: &str) -> String {
    token(&Principal { org: org.parse().unwrap(), ..principal(Role::Admin) })
}
