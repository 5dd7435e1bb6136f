//! What the documents promise: the README's tour runs as written, and every error is explained.

use std::{collections::BTreeSet, process::Command};

use clinic_api::error::ErrorCode;

use crate::support::{
    TestApp,
    process::{Running, admin_token},
};

fn tour() -> &'static str {
    let readme = include_str!("../../README.md");
    let (_, rest) = readme.split_once("<!-- tour -->").unwrap();
    let (_, rest) = rest.split_once("```sh\n").unwrap();
    rest.split_once("\n```").unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readmes_tour_runs_as_it_is_written_and_a_second_time() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), &["--store", "memory"]);
    for _ in 0..2 {
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", tour()])
            .env("API", &running.base)
            .env("TOKEN", admin_token())
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{printed}\n{errors}");
        for expected in
            ["staff_busy", "nearest_free", "\"confirmed\"", "\"cancelled\"", "next_cursor"]
        {
            assert!(printed.contains(expected), "no {expected} in {printed}");
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
    app.get("/problems/nope").send().await.problem(404, "not_found");
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
