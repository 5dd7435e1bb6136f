//! A client that records each response. Every write has an `Idempotency-Key` and is retried until its outcome is known.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::http::Method;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::{
    surgery::{Asked, Ledger, Row, Service, Surgery, Told},
    wait::DEADLINE,
};

/// The number of appointments above which the client cancels some first.
const MOST: usize = 12;

/// Counts of one client's operations and requests.
#[derive(Debug, Default)]
pub struct Tally {
    /// Operations with a known outcome.
    pub done: AtomicU64,
    /// Known outcomes that were refusals.
    pub refused: AtomicU64,
    /// Sent requests.
    pub requests: AtomicU64,
    /// Requests without a response, or with a 503.
    pub unknown: AtomicU64,
    /// Requests that the client aborted.
    pub hung_up: AtomicU64,
    /// Requests that were repeated after a known outcome, to compare the replay.
    pub replayed: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// A client with appointments that no other client changes.
pub struct Receptionist<S> {
    services: Vec<Arc<S>>,
    surgery: Arc<Surgery>,
    tally: Arc<Tally>,
    rng: StdRng,
    ledger: Ledger,
}

impl<S: Service> Receptionist<S> {
    /// A client that uses any of the services.
    pub fn new(services: Vec<Arc<S>>, surgery: Arc<Surgery>, tally: Arc<Tally>, seed: u64) -> Self {
        let rng = StdRng::seed_from_u64(seed);
        Self { services, surgery, tally, rng, ledger: Ledger::new() }
    }

    /// Works until `done` is set, and returns the ledger.
    pub async fn work(mut self, done: Arc<AtomicBool>) -> Ledger {
        while !done.load(Ordering::Relaxed) {
            let open = |row: &&Row| row.status != "cancelled";
            let open = self.ledger.iter().filter(|(_, row)| open(row));
            let open: Vec<_> = open.map(|(id, _)| id.clone()).collect();
            let chosen = open.choose(&mut self.rng).cloned();
            match (chosen, self.rng.random_range(0..100)) {
                (Some(id), _) if open.len() >= MOST => self.cancel(id).await,
                (Some(id), 40..55) => self.reschedule(id).await,
                (Some(id), 55..70) => self.cancel(id).await,
                (Some(id), 70..80) => self.confirm(id).await,
                (Some(id), 80..) => self.read(id).await,
                _ => self.book().await,
            }
            count(&self.tally.done);
        }
        self.ledger
    }

    /// Sends a request to any of the services until its outcome is known. A POST keeps its key.
    async fn send(&mut self, mut asked: Asked) -> Told {
        let key = format!("{:x}", self.rng.random::<u128>());
        asked.key = (asked.method == Method::POST).then_some(key);
        let begun = Instant::now();
        loop {
            if let Some(told) = self.send_once(asked.clone()).await {
                if asked.key.is_some() && told.0 < 300 && self.rng.random_bool(0.1) {
                    self.compare(asked, &told).await;
                }
                return told;
            }
            assert!(begun.elapsed() < DEADLINE, "what became of it is not known: {:?}", asked.key);
            // Shorter than `Retry-After` asks for.
            sleep(Duration::from_millis(self.rng.random_range(50..300))).await;
        }
    }

    async fn send_once(&mut self, asked: Asked) -> Option<Told> {
        let service = self.services.choose(&mut self.rng).unwrap().clone();
        count(&self.tally.requests);
        let patience =
            if self.rng.random_bool(0.02) { self.rng.random_range(1..30) } else { 60_000 };
        let Ok(told) = timeout(Duration::from_millis(patience), service.send(asked)).await else {
            count(&self.tally.hung_up);
            return None;
        };
        let known = told.filter(|(status, _)| *status != 503);
        if known.is_none() {
            count(&self.tally.unknown);
        }
        known
    }

    /// Repeats a request under the same key and asserts that the response is the same.
    async fn compare(&mut self, asked: Asked, told: &Told) {
        if let Some(again) = self.send_once(asked).await {
            assert_eq!(again, *told);
            count(&self.tally.replayed);
        }
    }

    fn path(&self, id: &str) -> String {
        format!("{}/appointments/{id}", self.surgery.clinic)
    }

    async fn book(&mut self) {
        let row = Row {
            staff: self.surgery.staff.choose(&mut self.rng).unwrap().clone(),
            patient: self.surgery.patients.choose(&mut self.rng).unwrap().clone(),
            start: self.surgery.start(&mut self.rng),
            status: "scheduled".to_owned(),
        };
        let body = json!({
            "staff_id": row.staff, "patient_id": row.patient, "start": row.start.to_string(),
            "duration_minutes": 30
        });
        let path = format!("{}/appointments", self.surgery.clinic);
        let told = self.send(Asked::post(path, body)).await;
        if self.was_taken(&told) {
            return;
        }
        let made = expect(told, 201);
        assert_eq!(Row::told(&made), row);
        let id = made["id"].as_str().unwrap().to_owned();
        assert!(self.ledger.insert(id, row).is_none());
    }

    async fn reschedule(&mut self, id: String) {
        let start = self.surgery.start(&mut self.rng);
        let path = format!("{}/reschedule", self.path(&id));
        let told = self.send(Asked::post(path, json!({ "start": start.to_string() }))).await;
        if !self.was_taken(&told) {
            self.changed(&id, told, |row| row.start = start);
        }
    }

    async fn cancel(&mut self, id: String) {
        let path = format!("{}/cancel", self.path(&id));
        let told = self.send(Asked::post(path, json!({}))).await;
        self.changed(&id, told, |row| "cancelled".clone_into(&mut row.status));
    }

    async fn confirm(&mut self, id: String) {
        let path = format!("{}/status", self.path(&id));
        let told = self.send(Asked::post(path, json!({ "status": "confirmed" }))).await;
        if self.ledger[&id].status == "scheduled" {
            self.changed(&id, told, |row| "confirmed".clone_into(&mut row.status));
        } else {
            assert_eq!(expect(told, 409)["code"], "invalid_transition");
            count(&self.tally.refused);
        }
    }

    async fn read(&mut self, id: String) {
        let path = format!("{}?consistent=true", self.path(&id));
        let read = Asked { method: Method::GET, path, body: None, key: None };
        let read = expect(self.send(read).await, 200);
        assert_eq!(Row::told(&read), self.ledger[&id]);
    }

    /// Asserts that the acknowledged change is what was requested, and records it.
    #[track_caller]
    fn changed(&mut self, id: &str, told: Told, change: impl Fn(&mut Row)) {
        let row = self.ledger.get_mut(id).unwrap();
        change(row);
        assert_eq!(Row::told(&expect(told, 200)), *row);
    }

    fn was_taken(&self, (status, body): &Told) -> bool {
        let taken =
            *status == 409 && (body["code"] == "staff_busy" || body["code"] == "patient_busy");
        if taken {
            count(&self.tally.refused);
        }
        taken
    }
}

#[track_caller]
fn expect((status, body): Told, expected: u16) -> Value {
    assert_eq!(status, expected, "{body}");
    body
}
