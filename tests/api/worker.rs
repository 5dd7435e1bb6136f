//! The worker as a process: killed, doubled, under load and with what it can't read, on the table of a running service.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::{Child, Command, Stdio},
    time::Duration,
};

use aws_sdk_dynamodb::types::AttributeValue;
use clinic_api::{
    store::{Item, Store, WriteContext, read::PageRequest},
    time::{Clock as _, SystemClock},
    worker::{
        change_record::ChangeRecord,
        dead_letter::{dead_letter_of, org_of, record_of},
        processor::Processor,
    },
};
use futures_util::{StreamExt as _, stream};
use rand::random_range;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::{
    kills::kills,
    support::{
        TestApp, eventually,
        process::{RemoteTable, Running, http_client, send, text},
        receiver::Receiver,
        watched::without_rates,
    },
};

/// A running service with a webhook, and nobody who works.
struct Site {
    folder: TempDir,
    table: RemoteTable,
    service: Running,
    receiver: Receiver,
    webhook: String,
}

/// A worker; it is killed when the test ends.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Site {
    async fn open() -> Self {
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

    fn worker_command(&self) -> Command {
        let mut command = self.table.program(self.folder.path());
        command
            .args(["worker", "--worker-lease", "500ms", "--worker-poll", "100ms"])
            .env("CLINIC_API_WEBHOOK_ALLOW", self.receiver.allowed())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    fn worker(&self) -> Worker {
        Worker(self.worker_command().spawn().unwrap())
    }

    /// Registers so many patients, and answers their ids.
    async fn register(&self, patients: usize) -> Vec<String> {
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
    async fn told(&self, patients: &[String]) {
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

    fn store(&self) -> Store {
        Store::new(self.table.client(), self.table.name.clone())
    }

    fn dead_letters(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = self.table.program(self.folder.path());
        let output = command.args(["worker", "dead-letters"]).args(arguments).output().unwrap();
        (output.status.success(), text(&output))
    }
}

/// How many changes the check of all changes is to see: `CLINIC_TEST_CHANGES`, or few enough for a run in between.
fn wanted_changes() -> usize {
    let set = std::env::var("CLINIC_TEST_CHANGES").ok();
    set.map_or(400, |number| number.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_again_and_again_loses_nothing_and_repeats_under_the_same_id() {
    let site = Site::open().await;
    let mut patients = Vec::new();
    for round in 0..kills() {
        let seen = site.receiver.received().len();
        let worker = site.worker();
        patients.extend(site.register(4).await);
        if round % 2 == 0 {
            // Every other one comes to its work, however slow the machine is.
            let more = async || (site.receiver.received().len() > seen).then_some(());
            eventually("it gets to work in between", more).await;
        }
        // Wherever it is then.
        sleep(Duration::from_millis(random_range(0..800))).await;
        drop(worker);
    }
    let _worker = site.worker();
    site.told(&patients).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_worker_takes_over_from_one_that_dies() {
    let site = Site::open().await;
    let (first, _second) = (site.worker(), site.worker());
    let mut patients = site.register(20).await;
    site.told(&patients).await;
    drop(first);
    patients.extend(site.register(20).await);
    site.told(&patients).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_changes_under_load_arrive() {
    let site = Site::open().await;
    let _workers = [site.worker(), site.worker()];
    let patients = site.register(wanted_changes()).await;
    site.told(&patients).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_read_becomes_a_dead_letter_and_holds_up_nothing() {
    let site = Site::open().await;
    let store = site.store();
    let before = site.register(3).await;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let poison = store
        .client()
        .put_item()
        .table_name(store.table())
        .item("PK", text("PATIENT#poison"))
        .item("SK", text("META"))
        .item("type", text("patient"))
        .item("name", text("Secret Name"));
    poison.send().await.unwrap();
    let after = site.register(3).await;
    let _worker = site.worker();
    site.told(&[before, after].concat()).await;
    // It is tried five times, while the others go on.
    let some = async || {
        Some(site.dead_letters(&["list"]).1).filter(|listed| !listed.contains("0 dead letters"))
    };
    let listed = eventually("it becomes a dead letter", some).await;
    assert!(listed.contains("after 5 tries") && listed.contains("1 dead letters"), "{listed}");
    assert!(!listed.contains("Secret"), "{listed}");
    let id = listed.split_whitespace().next().unwrap();
    let (fine, retried) = site.dead_letters(&["retry", id]);
    assert!(!fine && retried.contains("missing"), "{retried}");
    let (fine, dropped) = site.dead_letters(&["drop", id]);
    assert!(fine && dropped.contains("dropped"), "{dropped}");
    assert!(site.dead_letters(&["list"]).1.contains("0 dead letters"));
    let (fine, unknown) = site.dead_letters(&["retry", "nothing"]);
    assert!(!fine && unknown.contains("is no dead letter"), "{unknown}");
}

#[tokio::test]
async fn what_is_too_large_for_a_dead_letter_becomes_one_of_its_keys() {
    let app = TestApp::spawn().await;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let image: Item = [("PK", "LATER#1"), ("SK", "META"), ("type", "later"), ("org", "ORG-DEMO")]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), text(value)))
        .chain([("text".to_owned(), text(&"x".repeat(220_000)))])
        .collect();
    let record = ChangeRecord {
        event_id: "large".to_owned(),
        at: SystemClock.now(),
        old: Some(image.clone()),
        new: Some(image),
    };
    let outcomes = Processor::new(app.store.clone()).process_all(&[record]).await;
    assert!(outcomes.into_iter().all(|outcome| outcome.unwrap()));
    let page = PageRequest { after: None, limit: 10, consistent: true };
    let dead_letters =
        clinic_api::records::dead_letters::repo::list(&app.store, page).await.unwrap().items;
    assert!(
        dead_letters[0].value.error.contains("too large to be kept"),
        "{}",
        dead_letters[0].value.error
    );
    let kept = record_of(&dead_letters[0].value).unwrap().new.unwrap();
    assert_eq!((&kept["PK"], kept.len()), (&text("LATER#1"), 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_retried_once_it_can_be_read() {
    let site = Site::open().await;
    let store = site.store();
    let worker = site.worker();
    let told = site.register(1).await;
    site.told(&told).await;
    drop(worker);
    // As a later release finds the dead letters of an earlier one.
    let patient = clinic_api::store::keys::patient(&told[0].parse().unwrap());
    let item = store.get_item(&patient, true).await.unwrap();
    let record = ChangeRecord {
        event_id: "dead-letter".to_owned(),
        at: SystemClock.now(),
        old: None,
        new: item,
    };
    let dead = dead_letter_of(&record, "it could not be read".to_owned(), 5).unwrap();
    let (org, event_id) = (org_of(&record), record.event_id.clone());
    store.add(&WriteContext::internal(org, "test", event_id, record.at), dead).await.unwrap();
    let (fine, retried) = site.dead_letters(&["retry", "--all"]);
    assert!(fine && retried.contains("processed"), "{retried}");
    let page = PageRequest { after: None, limit: 10, consistent: true };
    assert!(
        clinic_api::records::dead_letters::repo::list(&store, page).await.unwrap().items.is_empty()
    );
    let path = format!("/v1/webhooks/{}/deliveries?consistent=true", site.webhook);
    let (_, deliveries) = site.service.send("GET", &path, None).await;
    let told_of = |one: &Value| one["event"]["id"] == "dead-letter";
    assert!(deliveries["items"].as_array().unwrap().iter().any(told_of), "{deliveries}");
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_sealed_anew_before_an_old_secret_key_is_taken_out() {
    let site = Site::open().await;
    let (old, new) = ("A".repeat(43), "B".repeat(42) + "A");
    let reseal = |keys: &str| {
        let mut command = site.table.program(site.folder.path());
        command.env("CLINIC_API_SECRET_KEYS", keys);
        let output = command.args(["worker", "reseal-secrets"]).output().unwrap();
        (output.status.success(), text(&output))
    };
    let (fine, told) = reseal(&new);
    assert!(!fine && told.contains("none of the keys opens its secret"), "{told}");
    assert!(told.contains("0 webhooks sealed anew, 1 failed"), "{told}");
    let (fine, told) = reseal(&format!("{new},{old}"));
    assert!(fine && told.contains("1 webhooks sealed anew, 0 failed"), "{told}");
    let mut command = site.worker_command();
    let _worker = Worker(command.env("CLINIC_API_SECRET_KEYS", &new).spawn().unwrap());
    let patients = site.register(1).await;
    site.told(&patients).await;
}
