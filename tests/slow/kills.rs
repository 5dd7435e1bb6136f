//! The service on the embedded engine's file, killed like `kill -9` in the middle of bookings, many times.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use clinic_api::{
    audit::model::Access,
    store::{Store, codec::is_of_type, embedded::Engine},
    time::{Clock as _, SystemClock, utc_date, utc_midnight},
};
use futures_util::future::join_all;
use jiff::SignedDuration;

use crate::support::{
    checker::{appointments_among, check_day_sheets_among, items_of},
    eventually,
    process::{HttpClient, Running, http_client, program, send_keyed, text},
    receptionist::{Receptionist, Tally},
    surgery::{Asked, Ledger, Service, Surgery, Told},
};

const CLIENTS: usize = 8;
/// No rate limits.
const ARGUMENTS: [&str; 6] = [
    "--rate-per-principal",
    "1000000",
    "--rate-per-address",
    "1000000",
    "--rate-per-organisation",
    "1000000",
];

/// The number of kills: `CLINIC_TEST_KILLS`, or few enough for an ordinary run.
pub fn kills() -> usize {
    std::env::var("CLINIC_TEST_KILLS").map_or(8, |kills| kills.parse().unwrap())
}

/// The service at its current address.
struct Restarted {
    base: Mutex<String>,
    client: HttpClient,
}

impl Service for Restarted {
    async fn send(&self, asked: Asked) -> Option<Told> {
        let base = self.base.lock().unwrap().clone();
        let (uri, method) = (format!("{base}{}", asked.path), asked.method.as_str());
        send_keyed(&self.client, &uri, method, asked.body, asked.key.as_deref()).await.ok()
    }
}

/// Compares the file with the responses to the clients.
async fn compare(folder: &Path, told: Ledger) {
    let verify = program(folder).args(["table", "verify"]).output().unwrap();
    assert!(
        verify.status.success() && text(&verify).contains(" 0 mismatches"),
        "{}",
        text(&verify)
    );
    let engine = Engine::on_file(&folder.join("data/clinic.db")).unwrap();
    let mut items = items_of(&Store::new(engine.client(), "clinic")).await;
    engine.stop().await;
    items.retain(|item| !is_of_type::<Access>(item));
    let stored: Ledger = appointments_among(&items).iter().map(Surgery::row).collect();
    assert_eq!(stored, told, "what is stored, and what clients were told");
    check_day_sheets_among(&items);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_bookings_it_has_lost_and_half_done_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(folder.path(), &ARGUMENTS);
    let service = Restarted { base: Mutex::new(running.base.clone()), client: http_client() };
    let tomorrow = utc_midnight(utc_date(SystemClock.now())) + SignedDuration::from_hours(32);
    let surgery = Arc::new(Surgery::open(&service, tomorrow).await);
    let (service, tally) = (Arc::new(service), Arc::new(Tally::default()));
    let done = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (services, seed) = (vec![service.clone()], rand::random());
            let client = Receptionist::new(services, surgery.clone(), tally.clone(), seed);
            tokio::spawn(client.work(done.clone()))
        })
        .collect();
    let finished = || tally.done.load(Ordering::Relaxed);
    for _ in 0..kills() {
        let before = finished();
        eventually("it is served", async || (finished() > before + 2).then_some(())).await;
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..150))).await;
        running = tokio::task::spawn_blocking({
            let folder = folder.path().to_owned();
            move || {
                running.kill();
                Running::start(&folder, &ARGUMENTS)
            }
        })
        .await
        .unwrap();
        service.base.lock().unwrap().clone_from(&running.base);
    }
    done.store(true, Ordering::Relaxed);
    let mut told = Ledger::new();
    for ledger in join_all(clients).await {
        told.extend(ledger.unwrap());
    }
    println!(
        "{} kills, {} operations, {} appointments, {} requests without an answer, {} replays compared",
        kills(),
        finished(),
        told.len(),
        tally.unknown.load(Ordering::Relaxed),
        tally.replayed.load(Ordering::Relaxed),
    );
    // Once more without a graceful shutdown.
    running.kill();
    let unknown = tally.unknown.load(Ordering::Relaxed);
    assert!(unknown >= kills() as u64, "each kill leaves somebody without an answer: {unknown}");
    assert!(!told.is_empty());
    compare(folder.path(), told).await;
}
