//! docs/threat-model.md: every category has tests, and every test that it names is there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use regex::Regex;

const PAGE: &str = include_str!("../../docs/threat-model.md");

/// The tests of each file under a folder, by the file's name.
fn tests_under(folder: &Path, found: &mut BTreeMap<String, BTreeSet<String>>) {
    let test =
        Regex::new(r"#\[(?:tokio::)?test(?:\([^)]*\))?\]\s+(?:#\[[^\]]*\]\s+)*(?:async )?fn (\w+)");
    let test = test.unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_under(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(&path).unwrap();
            let names = test.captures_iter(&text).map(|found| found[1].to_owned());
            found.entry(stem).or_default().extend(names);
        }
    }
}

fn is_there(tests: &BTreeMap<String, BTreeSet<String>>, name: &str) -> bool {
    let (file, test) = name.split_once("::").unwrap();
    tests.get(file).is_some_and(|tests| tests.contains(test))
}

#[test]
fn every_threat_has_tests_and_every_test_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = BTreeMap::new();
    tests_under(&root.join("tests/api"), &mut tests);
    tests_under(&root.join("src"), &mut tests);
    assert!(!is_there(&tests, "threat_model::nothing"), "what is not there is not found");
    let named = Regex::new(r"`(\w+::\w+)`").unwrap();
    let mut rows = 0;
    for row in PAGE.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| threat")) {
        let last = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let names: Vec<_> = named.captures_iter(last).map(|name| name[1].to_owned()).collect();
        // The head of the first table says "tests".
        if last == "tests" {
            continue;
        }
        rows += 1;
        assert!(!names.is_empty(), "no test stands in: {row}");
        for name in names {
            assert!(is_there(&tests, &name), "there is no test {name}");
        }
    }
    assert!(rows >= 10);
    for category in 1..=10 {
        let rows = PAGE.lines().filter(|line| line.starts_with(&format!("| API{category} |")));
        assert_eq!(rows.count(), 1, "API{category}");
    }
}
