//! The file of the secret keys, which a running process reads again.

use clinic_api::keyring::new_key;
use serde_json::json;

use crate::support::{eventually, process::Running};

/// A page's cursor, encrypted with the first key that the process has.
async fn cursor(running: &Running) -> String {
    let (_, page) = running.send("GET", "/v1/clinics?limit=1", None).await;
    page["next_cursor"].as_str().unwrap().to_owned()
}

async fn status_with(running: &Running, cursor: &str) -> u16 {
    running.send("GET", &format!("/v1/clinics?cursor={cursor}"), None).await.0
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_rotated_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    let (old, new) = (new_key(), new_key());
    std::fs::write(&file, format!("{old}\n")).unwrap();
    let keys = ["--store", "memory", "--secret-keys-file", "keys"];
    let running = Running::start(folder.path(), &keys);
    for name in ["A", "B"] {
        let clinic = json!({ "name": name, "time_zone": "UTC" });
        assert_eq!(running.send("POST", "/v1/clinics", Some(clinic)).await.0, 201);
    }
    let by_old = cursor(&running).await;
    std::fs::write(&file, format!("{new},\n{old}\n")).unwrap();
    let log = || running.log();
    eventually("the keys are loaded", async || log().contains("were replaced").then_some(())).await;
    assert_eq!(status_with(&running, &by_old).await, 200);
    let by_new = cursor(&running).await;
    std::fs::write(&file, &new).unwrap();
    eventually("the old key is gone", async || {
        (status_with(&running, &by_old).await == 400).then_some(())
    })
    .await;
    assert_eq!(status_with(&running, &by_new).await, 200);
    std::fs::write(&file, &new[1..]).unwrap();
    eventually("it is reported", async || log().contains("keeping the current keys").then_some(()))
        .await;
    assert_eq!(status_with(&running, &by_new).await, 200);
    for key in [&old, &new, &new[1..]] {
        assert!(!log().contains(key), "a key is in the log");
    }
}
