//! The files of the keys next to the data of the embedded engine: a missing one is replaced only if nothing needs the old key.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use serde_json::json;

use crate::support::process::{Running, program, text};

fn key_file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("data/clinic.db.{name}-key"))
}

/// Runs a command. Returns whether it succeeded, and what it printed.
fn run(folder: &Path, command: &str) -> (bool, String) {
    let output = program(folder).args(command.split(' ')).output().unwrap();
    (output.status.success(), text(&output))
}

fn new_key_in(folder: &Path, name: &str) {
    let made = program(folder).arg("secret-key").output().unwrap();
    fs::write(key_file(folder, name), made.stdout).unwrap();
}

async fn found(running: &Running) -> usize {
    let (status, page) = running.send("GET", "/v1/patients?name=ida", None).await;
    assert_eq!(status, 200, "{page}");
    page["items"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_search_key_is_not_replaced_silently_but_by_a_backfill() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, file) = (folder.path(), key_file(folder.path(), "search"));
    let running = Running::start(folder, &[]);
    let patient = json!({ "name": "Ida Example", "mrn": "A-1" });
    let created = running.send("POST", "/v1/patients", Some(patient.clone())).await;
    assert_eq!(created.0, 201);
    assert!(running.terminate().0.success());
    let key = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    for command in ["serve --listen 127.0.0.1:0", "table backfill", "table verify", "table seed"] {
        let (succeeded, told) = run(folder, command);
        assert!(!succeeded, "{command}: {told}");
        assert!(told.contains("data/clinic.db.search-key is missing"), "{told}");
        assert!(told.contains("secret-key > 'data/clinic.db.search-key')"), "{told}");
        assert!(told.contains("table backfill --lost-search-keys"), "{told}");
        assert!(!file.exists(), "{command}");
    }
    fs::write(&file, key).unwrap();
    let running = Running::start(folder, &[]);
    assert_eq!(found(&running).await, 1, "the file was restored");
    assert!(running.terminate().0.success());
    fs::write(&file, "").unwrap();
    let (succeeded, told) = run(folder, "table verify");
    assert!(!succeeded && told.contains("search-key holds no valid key"), "{told}");
    new_key_in(folder, "search");
    let (succeeded, told) = run(folder, "table verify");
    assert!(!succeeded && told.contains("its search key is none of --search-keys"), "{told}");
    assert!(!run(folder, "table backfill").0, "this key may be the wrong one");
    let (succeeded, told) = run(folder, "table backfill --lost-search-keys");
    assert!(succeeded, "{told}");
    let (succeeded, told) = run(folder, "table verify");
    assert!(succeeded, "{told}");
    let running = Running::start(folder, &[]);
    assert_eq!(found(&running).await, 1);
    assert_eq!(running.send("POST", "/v1/patients", Some(patient)).await.0, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_secret_key_is_replaced_only_without_webhooks() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, file) = (folder.path(), key_file(folder.path(), "secret"));
    let running = Running::start(folder, &[]);
    assert!(running.terminate().0.success());
    fs::remove_file(&file).unwrap();
    let running = Running::start(folder, &[]);
    let webhook = json!({ "url": "https://receiver.example/events" });
    let (status, webhook) = running.send("POST", "/v1/webhooks", Some(webhook)).await;
    assert_eq!(status, 201, "{webhook}");
    assert!(running.terminate().0.success());
    fs::remove_file(&file).unwrap();
    let (succeeded, told) = run(folder, "serve --listen 127.0.0.1:0");
    assert!(!succeeded && told.contains("data/clinic.db.secret-key is missing"), "{told}");
    assert!(told.contains("rotate-secret"), "{told}");
    assert!(!file.exists());
    new_key_in(folder, "secret");
    let running = Running::start(folder, &[]);
    let rotate = format!("/v1/webhooks/{}/rotate-secret", webhook["id"].as_str().unwrap());
    assert_eq!(running.send("POST", &rotate, Some(json!({}))).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_patients_and_webhooks_needs_no_old_key() {
    for command in
        ["table create", "table seed --clinics 1 --staff 1 --patients 1 --appointments 1"]
    {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        // A kill has left a part of a new file.
        fs::create_dir(folder.join("data")).unwrap();
        fs::write(folder.join("data/clinic.db.secret-key.new"), "part").unwrap();
        let (succeeded, told) = run(folder, command);
        assert!(succeeded, "{told}");
        let running = Running::start(folder, &[]);
        for name in ["secret", "search"] {
            let mode = fs::metadata(key_file(folder, name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name} is for nobody else to read");
            let part = format!("data/clinic.db.{name}-key.new");
            assert!(!folder.join(part).exists());
        }
        assert!(running.terminate().0.success());
    }
}
