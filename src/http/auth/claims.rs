//! The claims of a token, under the names that its issuer uses.

use clap::ValueEnum as _;
use serde_json::Value;

use super::principal::{Clinics, Principal, Role};
use crate::id::OrgId;

/// The maximum length of `sub` (`OpenID` Connect Core, section 2).
const MAX_SUBJECT: usize = 255;

/// The value that means every clinic of the organisation.
const EVERY_CLINIC: &str = "*";

/// The locations of the claims: a claim's name, or a JSON pointer (RFC 6901) such as
/// `/realm_access/roles`.
#[derive(Debug, Clone)]
pub struct ClaimNames {
    /// The organisation, for example `ORG-…`.
    pub organisation: String,
    /// The roles: a list, or a text separated by spaces.
    pub roles: String,
    /// The clinics, in the same format. `*` means every clinic of the organisation.
    pub clinics: String,
    /// The patient id of a caller who is a patient, for example `PAT-…`.
    pub patient: String,
}

impl Default for ClaimNames {
    fn default() -> Self {
        Self {
            organisation: "org".to_owned(),
            roles: "roles".to_owned(),
            clinics: "clinics".to_owned(),
            patient: "patient".to_owned(),
        }
    }
}

impl ClaimNames {
    /// Returns the caller that the claims describe. The error is shown to the caller.
    pub fn principal(&self, claims: &Value) -> Result<Principal, &'static str> {
        let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
        let visible = subject.bytes().all(|byte| byte.is_ascii_graphic());
        if subject.is_empty() || subject.len() > MAX_SUBJECT || !visible {
            return Err("its sub claim is not 1 to 255 visible ASCII characters");
        }
        let org = find(claims, &self.organisation).and_then(Value::as_str);
        let org: Option<OrgId> = org.and_then(|org| org.parse().ok());
        let roles =
            words(find(claims, &self.roles)).ok_or("its roles claim is not a list of names")?;
        let clinics = words(find(claims, &self.clinics)).and_then(|names| clinics_of(&names));
        let clinics = clinics.ok_or("its clinics claim is not a list of clinic ids")?;
        let patient =
            find(claims, &self.patient).map(|id| id.as_str().and_then(|id| id.parse().ok()));
        if patient == Some(None) {
            return Err("its patient claim is not a patient id");
        }
        Ok(Principal {
            org: org.ok_or("it has no valid organisation claim")?,
            subject: subject.to_owned(),
            // Ignore unknown roles: issuers add their own.
            roles: roles.iter().filter_map(|name| Role::from_str(name, false).ok()).collect(),
            clinics,
            patient: patient.flatten(),
        })
    }
}

fn clinics_of(names: &[&str]) -> Option<Clinics> {
    if names.contains(&EVERY_CLINIC) {
        return Some(Clinics::All);
    }
    names.iter().map(|id| id.parse().ok()).collect::<Option<_>>().map(Clinics::Some)
}

fn find<'a>(claims: &'a Value, name: &str) -> Option<&'a Value> {
    let value = if name.starts_with('/') { claims.pointer(name) } else { claims.get(name) };
    value.filter(|value| !value.is_null())
}

/// Returns the words of a list or a text. A missing claim has no words.
fn words(value: Option<&Value>) -> Option<Vec<&str>> {
    match value {
        None => Some(vec![]),
        Some(Value::String(text)) => Some(text.split_whitespace().collect()),
        Some(Value::Array(items)) => items.iter().map(Value::as_str).collect(),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    const CLINIC: &str = "CLN-4T8W1N6Q0Z3K7M9X2B5V8D1R";

    #[test]
    fn claims_make_a_principal() {
        let claims = json!({
            "sub": "anna", "org": "ORG-A", "roles": ["manager", "offline_access"], "clinics": [CLINIC],
        });
        let made = ClaimNames::default().principal(&claims).unwrap();
        assert_eq!(made.org.as_str(), "ORG-A");
        assert_eq!(made.roles, BTreeSet::from([Role::Manager]));
        assert!(made.clinics.contain(&CLINIC.parse().unwrap()));
        assert!(!made.clinics.contain(&crate::id::ClinicId::random()));
        let all =
            json!({ "sub": "anna", "org": "ORG-A", "roles": "manager admin", "clinics": "*" });
        let made = ClaimNames::default().principal(&all).unwrap();
        assert_eq!((made.roles.len(), made.clinics), (2, Clinics::All));
    }

    #[test]
    fn issuers_may_nest_claims() {
        let names = ClaimNames {
            organisation: "https://example.org/org".to_owned(),
            roles: "/realm_access/roles".to_owned(),
            ..ClaimNames::default()
        };
        let claims = json!({
            "sub": "anna", "https://example.org/org": "ORG-A", "realm_access": { "roles": ["admin"] },
        });
        let made = names.principal(&claims).unwrap();
        assert_eq!(made.roles, BTreeSet::from([Role::Admin]));
        assert_eq!(made.clinics, Clinics::Some(BTreeSet::new()));
    }

    #[test]
    fn what_is_malformed_is_refused_rather_than_passed_over() {
        let good = json!({ "sub": "anna", "org": "ORG-A", "roles": ["admin"] });
        assert!(ClaimNames::default().principal(&good).is_ok());
        let long = "x".repeat(256);
        let bad = [
            ("sub", json!("")),
            ("sub", json!(long)),
            ("sub", json!(7)),
            ("org", json!("with space")),
            ("roles", json!([1])),
            ("clinics", json!(7)),
            ("patient", json!(7)),
        ];
        for (claim, value) in bad {
            let mut claims = good.clone();
            claims[claim] = value.clone();
            assert!(ClaimNames::default().principal(&claims).is_err(), "{claim} {value}");
        }
    }
}
