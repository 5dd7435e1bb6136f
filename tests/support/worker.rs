//! The worker as a process, on the table of a running service.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::{Child, Command, Stdio},
};

use clinic_api::store::Store;
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use tempfile::TempDir;

use super::{
    eventually,
    process::{RemoteTable, Running, http_client, send, text},
    receiver::Receiver,
    watched::without_rates,
};

/// A running service with a webhook, and nobody who works.
pub struct Site {
    /// Where processes run.
    pub folder: TempDir,
    /// The table.
    pub table: RemoteTable,
    /// The service.
    pub service: Running,
    /// Who receives the events.
    pub receiver: Receiver,
    /// The webhook's id.
    pub webhook: String,
}

/// A worker; it is killed when the test ends.
pub struct Worker(pub Child);

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Site {
    /// Makes a table, and starts the service.
    pub async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let receiver = Receiver::start().await;
        let table = RemoteTable::missing().await;
        table.create(folder.path());
        let mut command = table.program(folder.path());
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        command.env("CLINIC_API_WEBHOOK_ALLOW", receiver.allowed());
        let service = Running::launch(without_rates(&mut command), 4);
        let hook = json!({ "url": receiver.url(), "event_types": ["clinic.patient.created.v1"] });
        let (status, made) = service.send("POST", "/v1/webhooks", Some(hook)).await;
        assert_eq!(status, 201, "{made}");
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        receiver.verify_with(&text("secret"));
        let webhook = text("id");
        Self { folder, table, service, receiver, webhook }
    }

    /// The command of a worker.
    pub fn worker_command(&self) -> Command {
        let mut command = self.table.program(self.folder.path());
        command
            .args(["worker", "--worker-lease", "500ms", "--worker-poll", "100ms"])
            .env("CLINIC_API_WEBHOOK_ALLOW", self.receiver.allowed())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Starts a worker.
    pub fn worker(&self) -> Worker {
        Worker(self.worker_command().spawn().unwrap())
    }

    /// Registers so many patients, and answers their ids.
    pub async fn register(&self, patients: usize) -> Vec<String> {
        let client = http_client();
        let uri = format!("{}/v1/patients", self.service.base);
        let register = |_| {
            let (client, uri) = (client.clone(), uri.clone());
            async move {
                let patient = json!({ "name": "Ida Example" });
                let (status, made) = send(&client, &uri, "POST", Some(patient)).await.unwrap();
                assert_eq!(status, 201, "{made}");
                made["id"].as_str().unwrap().to_owned()
            }
        };
        let registering: Vec<_> = (0..patients).map(register).collect();
        stream::iter(registering).buffer_unordered(8).collect().await
    }

    /// Waits until all of these have been told of, each under one id however often, and nothing else; every time signed, as
    /// the library of Standard Webhooks has found when it came. For as long as more come, it waits.
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

    /// Runs a command on the dead letters: whether it succeeded, and what it printed.
    pub fn dead_letters(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = self.table.program(self.folder.path());
        let output = command.args(["worker", "dead-letters"]).args(arguments).output().unwrap();
        (output.status.success(), text(&output))
    }
}
