//! A short run of the fuzz targets: every seed of `fuzz/seeds/`, and random changes of them. `.ci/soak` runs them in full, under
//! libFuzzer.

use std::{fs, path::Path};

use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
    test_runner::{Config, TestRunner},
};

#[path = "../../fuzz/src/lib.rs"]
mod targets;

const FUZZ: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz");

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = fs::read_dir(Path::new(FUZZ).join("seeds").join(target)).unwrap();
    let seeds: Vec<_> = folder.map(|file| fs::read(file.unwrap().path()).unwrap()).collect();
    assert!(!seeds.is_empty(), "{target} has no seeds");
    seeds
}

/// The words of `fuzz/members.dict`.
fn words() -> Vec<Vec<u8>> {
    let dictionary = fs::read_to_string(Path::new(FUZZ).join("members.dict")).unwrap();
    let quoted = dictionary.lines().filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
    quoted.map(|word| word.replace("\\\"", "\"").into_bytes()).collect()
}

/// A seed in which up to four short spans are replaced by words of the dictionary, or by random bytes.
fn changed(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let replacement = prop_oneof![select(words()), vec(any::<u8>(), 0..8)];
    let edits = vec((any::<Index>(), 0..12_usize, replacement), 0..=4);
    (select(seeds), edits).prop_map(|(mut text, edits)| {
        for (at, length, replacement) in edits {
            let start = at.index(text.len() + 1);
            let end = (start + length).min(text.len());
            text.splice(start..end, replacement);
        }
        text
    })
}

fn fuzz(target: &str, check: impl Fn(&[u8])) {
    let seeds = seeds(target);
    for seed in &seeds {
        check(seed);
    }
    // A failure prints its input, which becomes a seed.
    let config = Config { cases: 2_000, failure_persistence: None, ..Config::default() };
    let run = TestRunner::new(config).run(&changed(seeds), |input| {
        check(&input);
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{target}: {error}"));
}

fn fuzz_text(target: &str, check: fn(&str)) {
    fuzz(target, |input| check(&String::from_utf8_lossy(input)));
}

#[test]
fn bodies() {
    fuzz_text("body", targets::body::check);
}

#[test]
fn cursors() {
    fuzz_text("cursor", targets::cursor::check);
}

#[test]
fn idempotency_keys() {
    fuzz("idempotency_key", targets::idempotency_key::check);
}

#[test]
fn ids() {
    fuzz_text("ids", targets::ids::check);
}

#[test]
fn merge_patches() {
    fuzz("merge_patch", targets::merge_patch::check);
}
