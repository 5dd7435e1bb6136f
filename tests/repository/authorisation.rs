//! The policy in `docs/authorisation.md`: every operation of the document has one rule, and every rule a row.

use std::collections::BTreeSet;

use clinic_api::{
    aggregates::policy,
    http::auth::{
        Role,
        policy::{PolicyRule, Scope},
    },
};
use serde_json::json;

use crate::support::document::{DOCUMENT, id_of, operations};

fn guarded() -> impl Iterator<Item = &'static PolicyRule> {
    policy().filter(|rule| !rule.is_public())
}

#[test]
fn every_operation_has_one_rule_and_every_rule_an_operation() {
    let ids: BTreeSet<_> = operations().map(|(.., operation)| id_of(operation)).collect();
    let rules: BTreeSet<_> = policy().map(|rule| rule.operation).collect();
    assert_eq!(policy().count(), rules.len(), "an operation has two rules");
    assert_eq!(ids, rules);
    let public: Vec<_> =
        policy().filter(|rule| rule.is_public()).map(|rule| rule.operation).collect();
    assert_eq!(DOCUMENT["security"], json!([{ "bearer": [] }]));
    for (.., operation) in operations() {
        let (id, security) = (id_of(operation), operation.get("security"));
        assert_eq!(security == Some(&json!([])), public.contains(&id), "{id}");
    }
}

#[test]
fn the_documented_policy_is_the_one_that_is_enforced() {
    let text = include_str!("../../docs/authorisation.md");
    let rows: BTreeSet<_> = text
        .lines()
        .filter(|line| guarded().any(|rule| line.starts_with(&format!("| `{}` ", rule.operation))))
        .map(str::to_owned)
        .collect();
    let expected: BTreeSet<_> = guarded()
        .map(|row| {
            let scopes = Role::ALL.map(|role| match row.scope(role) {
                Some(Scope::Organisation) => "organisation",
                Some(Scope::OwnClinics) => "own clinics",
                Some(Scope::OwnRecords) => "own records",
                None => "",
            });
            format!("| `{}` | {} |", row.operation, scopes.join(" | "))
        })
        .collect();
    assert_eq!(rows, expected);
}
