//! The links and references of the OpenAPI document lead to what there is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::document::{DOCUMENT, id_of, operations};

/// What an operation makes leads to all that can be done with it.
#[test]
fn every_creation_links_to_what_takes_its_id() {
    let paths: BTreeMap<_, _> =
        operations().map(|(path, _, operation)| (id_of(operation), path)).collect();
    for (path, _, operation) in operations() {
        let id = id_of(operation);
        if !id.starts_with("create_") {
            continue;
        }
        let links = operation["responses"]["201"]["links"].as_object().unwrap();
        for (to, link) in links {
            assert_eq!(link["operationId"], **to, "{id}");
            for parameter in link["parameters"].as_object().unwrap().keys() {
                let named = paths[to.as_str()].contains(&format!("{{{parameter}}}"));
                assert!(named, "{id}: {to} has no {parameter}");
            }
        }
        // All of the paths that the new record is a part of.
        let own = format!("{path}/{{");
        for (to, path) in &paths {
            let is_under = path.split_once(&own).is_some_and(|(_, rest)| !rest.contains('{'));
            assert!(!is_under || links.contains_key(*to), "{id} does not lead to {to}");
        }
    }
}

/// All texts of the members `$ref`.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            let own = members.get("$ref").and_then(Value::as_str);
            found.extend(own.map(str::to_owned));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let mut found = BTreeSet::new();
    references(&DOCUMENT, &mut found);
    assert!(found.len() > 50, "{found:?}");
    let dangling = |reference: &&String| DOCUMENT.pointer(&reference[1..]).is_none();
    assert_eq!(found.iter().filter(dangling).collect::<Vec<_>>(), [] as [&String; 0]);
}
