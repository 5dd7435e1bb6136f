//! The worker as a process, on the table of a running service.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::{Child, Command, Stdio},
    time::Duration,
};

use clinic_api::{id::random_token, store::Store};
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use tempfile::TempDir;
use tokio::time::sleep;

use super::{
    eventually,
    process::{RemoteTable, Running, admin_token, http_client, send_as, text},
    receiver::Receiver,
    watched::without_rates,
};

/// A running service with a webhook, without a worker.
pub struct Site {
    /// The working folder of the processes.
    pub folder: TempDir,
    /// The table.
    pub table: RemoteTable,
    /// The service.
    pub service: Running,
    /// The receiver of the events.
    pub receiver: Receiver,
    /// The webhook's id.
    pub webhook: String,
    /// The hosts that webhooks can reach.
    allowed: String,
}

/// A worker. It is killed when the test ends.
pub struct Worker(pub Child);

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Site {
    /// Creates a table and starts the service.
    pub async fn open() -> Self {
        Self::open_beside(None).await
    }

    /// The same with a second allowed receiver.
    pub async fn open_beside(other: Option<&Receiver>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let receiver = Receiver::start().await;
        let table = RemoteTable::missing().await;
        table.create(folder.path());
        let mut command = table.program(folder.path());
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        let others = other.map(|other| format!(",{}", other.allowed())).unwrap_or_default();
        let allowed = receiver.allowed() + &others;
        command.env("CLINIC_API_WEBHOOK_ALLOW", &allowed);
        let service = Running::launch(without_rates(&mut command), 4);
        let hook = json!({ "url": receiver.url(), "event_types": ["clinic.patient.created.v1"] });
        let (status, made) = service.send("POST", "/v1/webhooks", Some(hook)).await;
        assert_eq!(status, 201, "{made}");
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        receiver.verify_with(&text("secret"));
        let webhook = text("id");
        Self { folder, table, service, receiver, webhook, allowed }
    }

    /// The command of a worker.
    pub fn worker_command(&self) -> Command {
        let mut command = self.table.program(self.folder.path());
        command
            // Long enough for a busy machine to renew it.
            .args(["worker", "--worker-lease", "5s", "--worker-poll", "500ms"])
            .env("CLINIC_API_WEBHOOK_ALLOW", &self.allowed)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Starts a worker.
    pub fn worker(&self) -> Worker {
        Worker(self.worker_command().spawn().unwrap())
    }

    /// Creates this number of patients. Returns their ids.
    pub async fn register(&self, patients: usize) -> Vec<String> {
        let client = http_client();
        let uri = format!("{}/v1/patients", self.service.base);
        let register = |_| {
            let (client, uri) = (client.clone(), uri.clone());
            async move {
                // With one search item, so that the engine is loaded by changes and not by their size.
                let (patient, key) = (json!({ "name": "I" }), random_token());
                loop {
                    let (patient, token) = (Some(patient.clone()), admin_token());
                    let sent = send_as(&client, token, &uri, "POST", patient, Some(&key)).await;
                    match sent.unwrap() {
                        (201, made) => return made["id"].as_str().unwrap().to_owned(),
                        // A slow engine. The answer asks for a retry with the same key.
                        (503, _) => sleep(Duration::from_millis(100)).await,
                        other => panic!("{other:?}"),
                    }
                }
            }
        };
        let registering: Vec<_> = (0..patients).map(register).collect();
        stream::iter(registering).buffer_unordered(8).collect().await
    }

    /// Waits until the receiver has events of exactly these patients, each under one id however often, and all signatures are
    /// valid. While more events arrive, it waits.
    pub async fn told(&self, patients: &[String]) {
        let wanted: BTreeSet<_> = patients.iter().cloned().collect();
        let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut seen = 0;
        while !wanted.iter().all(|patient| ids.contains_key(patient)) {
            let news =
                async || Some(self.receiver.received_since(seen)).filter(|new| !new.is_empty());
            let news = eventually("all changes are told", news).await;
            seen += news.len();
            for received in news {
                let subject = received.event()["subject"].as_str().unwrap().to_owned();
                ids.entry(subject).or_default().insert(received.id());
            }
        }
        assert_eq!(ids.len(), wanted.len(), "nothing is told that did not happen");
        assert!(ids.values().all(|ids| ids.len() == 1), "however often, under one id: {ids:?}");
        assert_eq!(self.receiver.forged(), Vec::<String>::new(), "all is signed");
    }

    /// The table's store.
    pub fn store(&self) -> Store {
        Store::new(self.table.client(), self.table.name.clone())
    }

    /// Runs a `dead-letters` command. Returns whether it succeeded, and its output.
    pub fn dead_letters(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = self.table.program(self.folder.path());
        let output = command.args(["worker", "dead-letters"]).args(arguments).output().unwrap();
        (output.status.success(), text(&output))
    }
}
