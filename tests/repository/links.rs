//! The links and references of the OpenAPI document and of the Markdown files resolve.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Component, Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use super::markdown::{At, Page, ROOT, documents, parse, read};
use crate::support::document::{DOCUMENT, id_of, operations};

/// The response of a creation links to every operation on the new record.
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
        // Every path that contains the new record.
        let own = format!("{path}/{{");
        for (to, path) in &paths {
            let is_under = path.split_once(&own).is_some_and(|(_, rest)| !rest.contains('{'));
            assert!(!is_under || links.contains_key(*to), "{id} does not lead to {to}");
        }
    }
}

/// All values of `$ref`.
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

/// The path that a link of a file leads to, from the root of the repository.
fn followed(from: &Path, target: &str) -> PathBuf {
    let mut path = from.parent().unwrap().to_owned();
    for part in Path::new(target).components() {
        match part {
            Component::ParentDir => assert!(path.pop(), "{}: {target}", from.display()),
            part => path.push(part),
        }
    }
    path
}

/// Links among the documents, their anchors included.
#[test]
fn every_link_of_a_document_leads_to_a_file_and_a_heading() {
    let pages: BTreeMap<PathBuf, Page> =
        documents().into_iter().map(|path| (path.clone(), parse(&read(&path)))).collect();
    let (mut links, mut broken) = (0, Vec::new());
    for (path, page) in &pages {
        for At { line, it } in &page.links {
            // The service serves what begins with a slash; other tests follow that.
            if it.contains("://") || it.starts_with("mailto:") || it.starts_with('/') {
                continue;
            }
            links += 1;
            let (target, anchor) = it.split_once('#').unwrap_or((it, ""));
            let target = if target.is_empty() { path.clone() } else { followed(path, target) };
            let is_heading = || {
                let page = pages.get(&target);
                page.is_some_and(|page| page.anchors.iter().any(|known| known == anchor))
            };
            if !Path::new(ROOT).join(&target).exists() || !anchor.is_empty() && !is_heading() {
                broken.push(format!("{}:{line}: {it}", path.display()));
            }
        }
    }
    assert!(links > 50, "{links}");
    assert!(broken.is_empty(), "{}\n{} broken links", broken.join("\n"), broken.len());
}

/// Blocks of code that run are run by the tests of the tours. All of them must at least be what they are marked as.
#[test]
fn every_code_block_is_well_formed() {
    let mut broken = Vec::new();
    for path in documents() {
        for At { line, it: (language, code) } in parse(&read(&path)).code {
            let is_good = match language.as_str() {
                "json" => serde_json::from_str::<Value>(&code).is_ok(),
                "sh" => {
                    let checked = Command::new("bash").args(["-n", "-c", &code]).output().unwrap();
                    checked.status.success()
                }
                _ => true,
            };
            if !is_good {
                broken.push(format!("{}:{line}: this is no {language}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
