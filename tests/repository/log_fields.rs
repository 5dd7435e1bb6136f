//! The log has exactly the fields that `docs/operations.md` lists.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use regex::Regex;
use serde_json::{Map, Value, json};

use crate::support::process::{Running, program};

/// The fields that the section "Logs" lists.
fn listed() -> BTreeSet<String> {
    let guide = include_str!("../../docs/operations.md");
    let section = guide.split("## Logs").nth(1).unwrap().split("\n## ").next().unwrap();
    let name = Regex::new("`([a-z_.]+)`").unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| "));
    let first = rows.filter_map(|row| row.split(" | ").next());
    let names = first.flat_map(|cell| name.captures_iter(cell).map(|it| it[1].to_owned()));
    names.collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// The text up to the matching closing parenthesis.
fn arguments(rest: &str) -> &str {
    let (mut depth, mut quoted, mut escaped) = (1, false, false);
    for (at, letter) in rest.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &rest[..at];
        }
    }
    panic!("no end of {rest}");
}

/// The fields of log lines and spans in the code.
fn written() -> BTreeSet<String> {
    let line = Regex::new(r"tracing::(?:trace|debug|info|warn|error|info_span)!\(").unwrap();
    let field = Regex::new(r#"(?:^|,)\s*"?([a-z_]+(?:\.[a-z_]+)*)"?\s*=[^=]"#).unwrap();
    let unnamed = Regex::new(r"(?:^|,)\s*[%?]?[a-z_]+\s*,").unwrap();
    let (mut names, mut lines) = (BTreeSet::new(), 0);
    for path in sources(Path::new("src")) {
        let source = std::fs::read_to_string(&path).unwrap();
        let source = source.split("#[cfg(test)]\nmod tests").next().unwrap();
        for found in line.find_iter(source) {
            let arguments = arguments(&source[found.end()..]);
            lines += 1;
            assert!(!unnamed.is_match(arguments), "{}: {arguments}", path.display());
            names.extend(field.captures_iter(arguments).map(|name| name[1].to_owned()));
        }
    }
    assert!(lines > 30, "{lines}");
    names
}

#[test]
fn every_field_of_the_log_is_documented_and_no_other() {
    let mut names = written();
    names.extend(["timestamp", "level", "target", "message", "name"].map(str::to_owned));
    assert_eq!(names, listed());
}

#[test]
fn fields_are_found_wherever_they_stand() {
    let lines = "error.message = %chain(&error, \")\"), \"error.type\" = code, \"a, b = c\") after";
    assert_eq!(arguments(lines), lines.strip_suffix(") after").unwrap());
}

/// Log lines are flat JSON objects, and lines of requests always have the same members.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_a_request_has_the_documented_fields_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(folder.path());
    command.args(["--store", "memory", "--listen", "127.0.0.1:0", "--log-format", "json"]);
    let running = Running::launch(&mut command, 0);
    assert_eq!(running.send("GET", "/v1/clinics", None).await.0, 200);
    let patient = json!({ "name": "Ida" });
    let (_, made) = running.send("POST", "/v1/patients", Some(patient)).await;
    let patient = format!("/v1/patients/{}", made["id"].as_str().unwrap());
    assert_eq!(running.send("DELETE", &patient, None).await.0, 204);
    assert_eq!(running.send("GET", &patient, None).await.0, 404);
    let nobody = "/v1/patients?name=Ida&birth_date=1984";
    assert_eq!(running.send("GET", nobody, None).await.0, 200);
    let (status, log) = running.terminate();
    assert!(status.success(), "{log}");
    let listed = listed();
    let lines: Vec<Map<String, Value>> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &lines {
        for (name, value) in line {
            assert!(listed.contains(name), "{name} in {log}");
            assert!(!value.is_object() && !value.is_array(), "{name} in {log}");
        }
    }
    let answered: Vec<_> = lines.iter().filter(|line| line["message"] == "answered").collect();
    let [found, _, _, missing, _] = answered[..] else { panic!("{log}") };
    for (name, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/v1/patients/{patient_id}"),
        ("error.type", "not_found"),
        ("level", "INFO"),
        ("target", "clinic_api::http::trace"),
    ] {
        assert_eq!(missing[name], value, "{log}");
    }
    assert_eq!(missing["http.response.status_code"], 404);
    assert!(missing["event.duration"].as_u64().unwrap() > 0, "in nanoseconds");
    let names = |line: &Map<String, Value>| line.keys().cloned().collect::<BTreeSet<_>>();
    let without = &names(missing) - &names(found);
    assert_eq!(without.into_iter().collect::<Vec<_>>(), ["error.type"], "it has no error: {log}");
    let mut searches = lines.iter().filter(|line| line["message"] == "a search found no patient");
    let search = searches.next().unwrap_or_else(|| panic!("{log}"));
    for (name, value) in [
        ("user.id", "test-admin"),
        ("organization.id", "ORG-DEMO"),
        ("search.fields", "name,birth_date"),
    ] {
        assert_eq!(search[name], value, "{log}");
    }
    assert!(searches.next().is_none(), "{log}");
}
