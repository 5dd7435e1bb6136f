//! The documentation holds: both tours run as written, the index lists every page, and every error and dependency is explained.

use std::{collections::BTreeSet, fs, process::Command};

use clinic_api::error::ErrorCode;

use crate::support::{
    TestApp,
    process::{Running, admin_token},
};

/// Returns the shell commands of a document, from all blocks marked `sh`.
fn commands(document: &str) -> String {
    let blocks = document.split("```sh\n").skip(1);
    blocks.map(|block| block.split_once("```").unwrap().0).collect()
}

/// Runs the commands twice on one service, as a reader who pastes them again, and checks what they print.
fn run(commands: &str, expected: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), &["--store", "memory"]);
    for _ in 0..2 {
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", commands])
            .env("API", &running.base)
            .env("TOKEN", admin_token())
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{printed}\n{errors}");
        for expected in expected {
            assert!(printed.contains(expected), "no {expected} in {printed}\n{errors}");
        }
    }
}

#[test]
fn the_readmes_tour_runs_as_written_and_a_second_time() {
    let readme = include_str!("../../README.md");
    let (_, tour) = readme.split_once("<!-- tour -->").unwrap();
    let (tour, _) = tour.split_once("## ").unwrap();
    let expected = ["clinic CLN-", "booked APT-", "refused: staff_busy, next free 2"];
    run(&commands(tour), &expected);
}

#[test]
fn the_full_tour_runs_as_written_and_a_second_time() {
    let expected = [
        "is open today",
        "T14:00",
        "refused: staff_busy: ",
        "booked once: /v1/clinics/CLN-",
        "refused: outside_working_hours: ",
        "T16:30",
        "no_show\nchecked_in\ncompleted\n",
        "refused: before_visit_day: ",
        "to be delivered: clinic.appointment.checked_in.v1",
        "1 \"status\":\"completed\"",
        "2 \"status\":\"scheduled\"",
        "EXC-",
    ];
    run(&commands(include_str!("../../docs/tour.md")), &expected);
}

#[test]
fn the_index_lists_every_page() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs");
    let index = fs::read_to_string(format!("{folder}/README.md")).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.extension().is_some_and(|it| it == "md") && name != "README.md" {
            assert!(index.contains(&format!("]({name})")), "docs/README.md does not list {name}");
        }
    }
}

#[tokio::test]
async fn every_error_is_explained_under_its_type() {
    let app = TestApp::spawn().await;
    let all = app.get("/problems").send().await.expect(200);
    let all = String::from_utf8(all.body).unwrap();
    for code in ErrorCode::ALL {
        let part = app.get(&format!("/problems/{}", code.as_str())).send().await.expect(200);
        let part = String::from_utf8(part.body).unwrap();
        assert!(part.contains(code.status().as_str()), "{}: {part}", code.as_str());
        assert!(all.contains(&part));
    }
    let headings = all.lines().filter(|line| line.starts_with("### ")).count();
    assert_eq!(headings, ErrorCode::ALL.len(), "no error is explained that there is not");
    app.get("/problems/nope").send().await.problem(404, "no_route");
}

#[test]
fn every_dependency_is_explained_and_no_other() {
    let listed = include_str!("../../docs/dependencies.md").lines();
    let cells =
        listed.filter(|line| line.starts_with("| `")).map(|line| line.split('|').nth(1).unwrap());
    let listed: BTreeSet<&str> =
        cells.flat_map(|cell| cell.split(',')).map(|name| name.trim().trim_matches('`')).collect();
    let mut named = BTreeSet::new();
    let mut of_dependencies = false;
    for line in include_str!("../../Cargo.toml").lines() {
        if line.starts_with('[') {
            of_dependencies = line.ends_with("dependencies]");
        } else if let (true, Some((name, _))) = (of_dependencies, line.split_once(" =")) {
            named.insert(name);
        }
    }
    assert!(named.len() > 30);
    assert_eq!(listed, named);
}
