//! The tests that `docs/threat-model.md` names exist.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use regex::Regex;

const PAGE: &str = include_str!("../../docs/threat-model.md");

/// The tests of each module under a folder, by the module's name.
fn tests_under(folder: &Path, found: &mut BTreeMap<String, BTreeSet<String>>) {
    let test =
        Regex::new(r"#\[(?:tokio::)?test(?:\([^)]*\))?\]\s+(?:#\[[^\]]*\]\s+)*(?:async )?fn (\w+)");
    let test = test.unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_under(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let module = if path.ends_with("mod.rs") { folder } else { &path };
            let module = module.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(&path).unwrap();
            let names = test.captures_iter(&text).map(|found| found[1].to_owned());
            found.entry(module).or_default().extend(names);
        }
    }
}

#[test]
fn every_test_that_the_page_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = BTreeMap::new();
    tests_under(&root.join("tests"), &mut tests);
    tests_under(&root.join("src"), &mut tests);
    let name = Regex::new(r"`(\w+)::(\w+)`").unwrap();
    let names: Vec<[&str; 2]> = name.captures_iter(PAGE).map(|found| found.extract().1).collect();
    let missing: Vec<_> = names
        .iter()
        .filter(|[file, test]| !tests.get(*file).is_some_and(|tests| tests.contains(*test)))
        .collect();
    assert!(!names.is_empty(), "the page names tests");
    assert!(missing.is_empty(), "docs/threat-model.md names tests that do not exist: {missing:?}");
}
