//! The secrets of webhooks: the worker re-encrypts them with another secret key.

use crate::support::{
    process::text,
    worker::{Site, Worker},
};

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_encrypted_again_before_an_old_secret_key_is_removed() {
    let site = Site::open().await;
    let (old, new) = ("A".repeat(43), "B".repeat(42) + "A");
    let reseal = |keys: &str| {
        let mut command = site.table.program(site.folder.path());
        command.env("CLINIC_API_SECRET_KEYS", keys);
        let output = command.args(["worker", "reseal-secrets"]).output().unwrap();
        (output.status.success(), text(&output))
    };
    let (fine, told) = reseal(&new);
    assert!(!fine && told.contains("none of the secret keys decrypts its secret"), "{told}");
    assert!(told.contains("0 webhooks resealed, 1 failed"), "{told}");
    let (fine, told) = reseal(&format!("{new},{old}"));
    assert!(fine && told.contains("1 webhooks resealed, 0 failed"), "{told}");
    let mut command = site.worker_command();
    let _worker = Worker(command.env("CLINIC_API_SECRET_KEYS", &new).spawn().unwrap());
    let patients = site.register(1).await;
    site.told(&patients).await;
}
