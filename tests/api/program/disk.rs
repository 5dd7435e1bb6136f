//! The embedded engine's file on a full disk, or without permission to write.

use std::{
    fs::{Permissions, metadata, set_permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use rlimit::{Resource, prlimit};
use serde_json::{Value, json};

use crate::support::{
    eventually,
    process::{Running, http_client, program, program_after, program_of_user, send_keyed, text},
};

/// Limits the size of the process's files: writes beyond it fail, as on a full disk.
fn limit_files(running: &Running, bytes: u64) {
    let process = running.id().try_into().unwrap();
    prlimit(process, Resource::FSIZE, Some((bytes, u64::MAX)), None).unwrap();
}

/// Asserts that the file passes SQLite's integrity check.
fn assert_whole(folder: &Path, appointments: usize) {
    let verified = program(folder).args(["table", "verify"]).output().unwrap();
    let said = text(&verified);
    assert!(verified.status.success(), "{said}");
    assert!(said.contains(&format!("{appointments} appointments")), "{said}");
    let sqlite = rusqlite::Connection::open(folder.join("data/clinic.db")).unwrap();
    let check: String = sqlite.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}

/// A running service and a clinic with staff and patient.
struct Desk {
    running: Running,
    clinic: String,
    body: Value,
}

impl Desk {
    async fn open(running: Running) -> Self {
        let make = async |path: &str, body: Value| {
            let (status, made) = running.send("POST", path, Some(body)).await;
            assert_eq!(status, 201, "{made}");
            made["id"].as_str().unwrap().to_owned()
        };
        let clinic = make("/v1/clinics", json!({ "name": "A", "time_zone": "UTC" })).await;
        let clinic = format!("/v1/clinics/{clinic}");
        let staff = json!({ "name": "Dr. Keller", "role": "physician" });
        let staff = make(&format!("{clinic}/staff"), staff).await;
        let patient = make("/v1/patients", json!({ "name": "Ida" })).await;
        let body = json!({ "staff_id": staff, "patient_id": patient, "duration_minutes": 5 });
        Self { running, clinic, body }
    }

    /// Books a slot under a key of the same number.
    async fn book(&self, slot: i64) -> (u16, Value) {
        use clinic_api::time::{Clock as _, SystemClock, utc_date, utc_midnight};
        let tomorrow =
            utc_midnight(utc_date(SystemClock.now())) + jiff::SignedDuration::from_hours(24);
        let mut body = self.body.clone();
        body["start"] = json!((tomorrow + jiff::SignedDuration::from_mins(5 * slot)).to_string());
        let uri = format!("{}{}/appointments", self.running.base, self.clinic);
        let key = slot.to_string();
        send_keyed(&http_client(), &uri, "POST", Some(body), Some(&key)).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_writes_are_refused_and_reads_go_on_and_with_space_all_does() {
    let folder = tempfile::tempdir().unwrap();
    // Ignores the signal, so that writes beyond the limit fail with an error (setrlimit(2)).
    let mut command = program_after(folder.path(), "trap '' XFSZ");
    let desk = Desk::open(Running::launch(command.args(["--listen", "127.0.0.1:0"]), 4)).await;
    let (status, first) = desk.book(0).await;
    assert_eq!(status, 201, "{first}");
    limit_files(&desk.running, metadata(folder.path().join("data/clinic.db-wal")).unwrap().len());
    // Pages that are already allocated can still be written.
    let mut slot = 0;
    let problem = eventually("there is no space", async || {
        slot += 1;
        let (status, answer) = desk.book(slot).await;
        assert!(status == 201 || status == 503, "{answer}");
        (status == 503).then_some(answer)
    })
    .await;
    assert_eq!(problem["code"], "store_unreachable", "{problem}");
    for _ in 0..10 {
        let (status, problem) = desk.book(slot).await;
        assert_eq!((status, &problem["code"]), (503, &json!("store_unreachable")), "{problem}");
        let path = format!("{}/appointments/{}", desk.clinic, first["id"].as_str().unwrap());
        let (status, read) = desk.running.send("GET", &path, None).await;
        assert_eq!((status, &read["id"]), (200, &first["id"]));
        assert_eq!(desk.running.send("GET", "/readyz", None).await.0, 200);
    }
    let log = desk.running.log();
    assert!(log.lines().any(|line| line.contains("the disk is full or fails")), "{log}");
    limit_files(&desk.running, u64::MAX);
    eventually("there is space", async || (desk.book(slot).await.0 == 201).then_some(())).await;
    assert_eq!(desk.book(slot + 1).await.0, 201);
    desk.running.kill();
    assert_whole(folder.path(), usize::try_from(slot).unwrap() + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_before_the_disk_was_full_is_there_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program_after(folder.path(), "trap '' XFSZ");
    let desk = Desk::open(Running::launch(command.args(["--listen", "127.0.0.1:0"]), 4)).await;
    limit_files(&desk.running, metadata(folder.path().join("data/clinic.db-wal")).unwrap().len());
    let mut booked = 0;
    eventually("there is no space", async || {
        let (status, _) = desk.book(booked).await;
        booked += i64::from(status == 201);
        (status == 503).then_some(())
    })
    .await;
    desk.running.kill();
    assert_whole(folder.path(), usize::try_from(booked).unwrap());
}

#[test]
fn without_space_it_does_not_start_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let serve = ["--listen", "127.0.0.1:0"];
    let refused = program_after(folder.path(), "trap '' XFSZ; ulimit -f 0").args(serve).output();
    let refused = refused.unwrap();
    assert!(!refused.status.success());
    let said = text(&refused);
    assert!(said.contains("can't be opened") && said.contains("clinic.db"), "{said}");
    let running = Running::start(folder.path(), &[]);
    running.kill();
    assert_whole(folder.path(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_may_only_read_it_does_not_start_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(Running::start(folder.path(), &[])).await;
    assert_eq!(desk.book(0).await.0, 201);
    let (status, log) = tokio::task::spawn_blocking(|| desk.running.terminate()).await.unwrap();
    assert!(status.success(), "{log}");
    let data = folder.path().join("data");
    let file = data.join("clinic.db");
    let before = std::fs::read(&file).unwrap();
    // First the file, then also the folder, in which a lock and a journal are created.
    std::fs::remove_file(data.join("clinic.db.lock")).unwrap();
    for (path, mode, usual) in [(&file, 0o400, 0o600), (&data, 0o500, 0o700)] {
        set_permissions(path, Permissions::from_mode(mode)).unwrap();
        let refused = program_of_user(folder.path()).args(["--listen", "127.0.0.1:0"]).output();
        let refused = refused.unwrap();
        let said = text(&refused);
        assert!(!refused.status.success(), "{said}");
        assert!(said.contains("clinic.db can't be opened"), "{said}");
        assert!(said.contains("Permission denied"), "{said}");
        assert!(std::fs::read(&file).unwrap() == before, "not a byte has changed");
        set_permissions(path, Permissions::from_mode(usual)).unwrap();
    }
    Running::start(folder.path(), &[]).kill();
    assert_whole(folder.path(), 1);
}
