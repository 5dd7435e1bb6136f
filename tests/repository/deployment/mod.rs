//! The shipped files use settings, commands, ports and metrics that exist.

mod compose;
mod observability;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use clinic_api::config::Cli;
use regex::Regex;
use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn compose() -> Value {
    yaml("docker-compose.yml")
}

/// Every environment variable that is a setting of the program.
fn settings() -> BTreeSet<String> {
    fn collect(command: &clap::Command, found: &mut BTreeSet<String>) {
        let names = command.get_arguments().filter_map(clap::Arg::get_env);
        found.extend(names.map(|name| name.to_str().unwrap().to_owned()));
        command.get_subcommands().for_each(|inner| collect(inner, found));
    }
    let mut found = BTreeSet::new();
    collect(&Cli::full_command(), &mut found);
    assert!(found.len() > 8, "{found:?}");
    found
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // Files that Terraform and Python generate are skipped.
        let hidden = path.file_name().unwrap().to_str().unwrap().starts_with(['.', '_']);
        if path.is_dir() && !hidden {
            files(&path, found);
        } else if path.is_file() {
            found.push(path);
        }
    }
}

#[test]
fn every_setting_that_is_named_anywhere_exists() {
    let settings = settings();
    let mut paths = Vec::new();
    for folder in ["deploy", "migrations-terraform", "docs", ".ci"] {
        files(&Path::new(ROOT).join(folder), &mut paths);
    }
    let others = ["Dockerfile", "docker-compose.yml", "README.md", "CHANGELOG.md", "justfile"];
    paths.extend(others.map(|name| Path::new(ROOT).join(name)));
    let name = Regex::new(r"\bCLINIC_API_[A-Z_]*[A-Z]\b").unwrap();
    let mut named = BTreeSet::new();
    for path in paths {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        for found in name.find_iter(&text).map(|found| found.as_str()) {
            // These belong to the build and to CI, not to the program.
            if ["CLINIC_API_COMMIT", "CLINIC_API_VERSION", "CLINIC_API_BINARY"].contains(&found) {
                continue;
            }
            // Kubernetes would set this variable for the Service; the file explains how it is disabled.
            if found == "CLINIC_API_PORT" && path.ends_with("base/deployment.yaml") {
                continue;
            }
            assert!(settings.contains(found), "{}: {found} is no setting", path.display());
            named.insert(found.to_owned());
        }
    }
    assert_eq!(named, settings, "every setting is told of somewhere");
    let page = read("docs/configuration.md");
    let missing: Vec<_> = settings.iter().filter(|it| !page.contains(&format!("`{it}`"))).collect();
    assert!(missing.is_empty(), "not in docs/configuration.md: {missing:?}");
}

#[test]
fn the_dockerfile_runs_the_program_as_it_is_meant() {
    let dockerfile = read("Dockerfile");
    let line = |start: &str| {
        let found = dockerfile.lines().find(|line| line.starts_with(start));
        found.unwrap_or_else(|| panic!("no {start}")).to_owned()
    };
    assert_eq!(line("ENTRYPOINT"), "ENTRYPOINT [\"/clinic-api\"]");
    assert!(line("HEALTHCHECK").ends_with("CMD [\"/clinic-api\", \"healthcheck\", \"--live\"]"));
    assert_eq!(line("USER"), "USER 65532:65532");
    let toolchain = read("rust-toolchain.toml");
    let version = Regex::new("channel = \"([0-9]+\\.[0-9]+)").unwrap();
    let version = &version.captures(&toolchain).unwrap()[1];
    assert!(line("FROM rust:").starts_with(&format!("FROM rust:{version}")), "one version of Rust");
    let label = format!("ARG CLINIC_API_VERSION=\"{}\"", env!("CARGO_PKG_VERSION"));
    assert_eq!(line("ARG CLINIC_API_VERSION"), label);
    assert_eq!(line("ARG CARGO_PROFILE"), "ARG CARGO_PROFILE=release");
    let compose = compose();
    let arguments = &compose["services"]["clinic-api"]["build"]["args"];
    for name in arguments.as_object().unwrap().keys() {
        line(&format!("ARG {name}="));
    }
    assert_eq!(arguments["CARGO_PROFILE"], "${CARGO_PROFILE:-release}", "slower code is asked for");
}
