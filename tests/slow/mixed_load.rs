//! Sixteen clients book, move, confirm, cancel and read at two services. Calls to the store get faults, clocks are minutes apart,
//! and the store has outages. In the end, the table matches the last response to each client.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use clinic_api::{appointments::repo::verify::verify, time::Clock as _, time::utc_date};
use futures_util::future::join_all;
use jiff::SignedDuration;

use crate::support::{
    TestApp, TestClock,
    attempts::Attempts,
    eventually,
    proxy::{Proxy, Spoilt},
    receptionist::{Receptionist, Tally},
    surgery::{Ledger, Surgery},
};

const FIRST_SLOT: &str = "2035-01-16T08:00:00Z";
const CLIENTS: usize = 16;
const SERVICES: i32 = 2;
/// The share of calls to the store that get a fault.
const SPOILT: f64 = 0.05;

/// The duration of the load: `CLINIC_TEST_SECONDS`, or short enough for an ordinary run.
fn seconds() -> f64 {
    std::env::var("CLINIC_TEST_SECONDS").map_or(4.0, |seconds| seconds.parse().unwrap())
}

/// How far the store's clock is temporarily ahead of the services', and how far each service's clock is ahead of the previous
/// one's.
const STORE_AHEAD: SignedDuration = SignedDuration::from_mins(10);
const SERVICE_AHEAD: SignedDuration = SignedDuration::from_secs(90);

/// The kinds of outages, each with its share of the duration.
#[derive(Debug, Clone, Copy)]
enum Outage {
    /// Connections are refused.
    Away,
    /// Calls are processed and get no response.
    Silent,
    /// Every call gets an error of the store.
    Broken,
}

impl Outage {
    const ALL: [(Self, f64); 3] = [(Self::Away, 0.2), (Self::Silent, 0.1), (Self::Broken, 0.1)];

    async fn begin(self, proxy: &Proxy) {
        match self {
            Self::Away => proxy.down().await,
            Self::Silent => proxy.spoil_all(&[Spoilt::Silent]),
            Self::Broken => proxy.spoil_all(&[
                Spoilt::Status(503, "ServiceUnavailable"),
                Spoilt::Status(500, "InternalServerError"),
            ]),
        }
    }

    fn end(self, proxy: &Proxy) {
        match self {
            Self::Away => proxy.up(),
            Self::Silent | Self::Broken => proxy.spoil(0.0),
        }
    }
}

/// The minimum number of requests in an outage, however long it takes: three per client.
const ENOUGH_REQUESTS: u64 = 48;
/// The minimum number of operations between outages.
const ENOUGH_OPERATIONS: u64 = 50;

fn seed() -> u64 {
    let seed = std::env::var("CLINIC_TEST_SEED").ok().map(|seed| seed.parse().unwrap());
    seed.unwrap_or_else(rand::random)
}

struct Load {
    direct: TestApp,
    proxy: Proxy,
    attempts: Attempts,
    tallies: Vec<Arc<Tally>>,
    clients: Vec<tokio::task::JoinHandle<Ledger>>,
    done: Arc<AtomicBool>,
}

impl Load {
    async fn begin(seed: u64) -> Self {
        let direct = TestApp::builder().with_port().for_many().spawn().await;
        let surgery = Arc::new(Surgery::open(&direct, FIRST_SLOT.parse().unwrap()).await);
        let proxy = Proxy::before(direct.endpoint(), seed).await;
        let attempts = Attempts::default();
        let services: Vec<_> = (0..SERVICES)
            .map(|number| {
                // It has the timeouts of the program.
                let service = TestApp::builder()
                    .clock(TestClock::ahead_of(&direct.clock, SERVICE_AHEAD * number))
                    .client(attempts.client(&proxy.endpoint(), None))
                    .without_rates();
                Arc::new(service.replica_of(&direct))
            })
            .collect();
        let done = Arc::new(AtomicBool::new(false));
        let tallies: Vec<_> = (0..CLIENTS).map(|_| Arc::new(Tally::default())).collect();
        let clients = tallies.iter().zip(0_u64..).map(|(tally, number)| {
            let services = services.clone();
            let client = Receptionist::new(services, surgery.clone(), tally.clone(), seed + number);
            tokio::spawn(client.work(done.clone()))
        });
        let clients = clients.collect();
        Self { direct, proxy, attempts, tallies, clients, done }
    }

    fn sum(&self, of: impl Fn(&Tally) -> &AtomicU64) -> u64 {
        self.tallies.iter().map(|tally| of(tally).load(Ordering::Relaxed)).sum()
    }

    /// Runs the load for at least this duration. Returns the number of operations per second.
    async fn go_on(&self, seconds: f64) -> f64 {
        let before = self.sum(|tally| &tally.done);
        let begun = Instant::now();
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        let done = eventually("clients work", async || {
            let done = self.sum(|tally| &tally.done) - before;
            (done >= ENOUGH_OPERATIONS).then_some(done)
        });
        f64::from(u32::try_from(done.await).unwrap()) / begun.elapsed().as_secs_f64()
    }

    /// Causes an outage for at least this duration. Returns the number of requests in the meantime, and of the calls that they
    /// caused.
    async fn outage(&self, outage: Outage, seconds: f64) -> (u64, u64) {
        outage.begin(&self.proxy).await;
        let (before, attempts) = (self.sum(|tally| &tally.requests), self.attempts.number());
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        let requests = eventually("clients ask again", async || {
            let requests = self.sum(|tally| &tally.requests) - before;
            (requests >= ENOUGH_REQUESTS).then_some(requests)
        })
        .await;
        let attempts = self.attempts.number() - attempts;
        outage.end(&self.proxy);
        (requests, attempts)
    }

    /// Waits until every client was served again. Returns the time until the first one was, and until all were.
    async fn all_are_served(&self) -> (Duration, Duration) {
        let begun = Instant::now();
        let mut first = None;
        let done = |tally: &Arc<Tally>| tally.done.load(Ordering::Relaxed);
        let before: Vec<_> = self.tallies.iter().map(done).collect();
        eventually("every client is served", async || {
            let served = self.tallies.iter().map(done).zip(&before);
            let served = served.filter(|(now, before)| now > before).count();
            if served > 0 {
                first.get_or_insert(begun.elapsed());
            }
            (served == CLIENTS).then_some(())
        })
        .await;
        (first.unwrap(), begun.elapsed())
    }

    /// Lets the clients finish, and compares the table with their records.
    async fn end(mut self) {
        self.done.store(true, Ordering::Relaxed);
        let mut told = Ledger::new();
        for ledger in join_all(std::mem::take(&mut self.clients)).await {
            told.extend(ledger.unwrap());
        }
        self.direct.settle().await;
        let stored: Ledger =
            self.direct.all_appointments().await.iter().map(Surgery::row).collect();
        assert_eq!(stored, told, "what is stored, and what clients were told");
        self.direct.check_day_sheets().await;
        let today = utc_date(self.direct.clock.now());
        let verified = verify(&self.direct.store, today, 1e6, async |_| Ok(0)).await.unwrap();
        assert_eq!(verified.mismatches().count(), 0);
        assert!(verified.appointments > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_faults_and_an_outage_what_clients_were_told_is_what_is_stored() {
    let (seconds, seed) = (seconds(), seed());
    println!("CLINIC_TEST_SEED={seed}");
    let load = Load::begin(seed).await;
    load.proxy.spoil(SPOILT);
    let spoilt = load.go_on(seconds * 0.25).await;
    let some = async || (load.proxy.spoilt() > 10).then_some(());
    eventually("calls are spoilt", some).await;
    load.proxy.go_ahead_by(STORE_AHEAD);
    let skewed = load.go_on(seconds * 0.25).await;
    load.proxy.spoil(0.0);
    load.proxy.go_ahead_by(SignedDuration::ZERO);
    let before = load.go_on(seconds * 0.1).await;
    for (outage, share) in Outage::ALL {
        let begun = Instant::now();
        let (requests, attempts) = load.outage(outage, seconds * share).await;
        let length = begun.elapsed().as_secs_f64();
        let (first, all) = load.all_are_served().await;
        println!(
            "{outage:?} for {length:.0} s: {requests} requests, {attempts} calls; served again {first:.2?} after its end, all \
             clients {all:.2?}"
        );
    }
    let afterwards = load.go_on(seconds * 0.2).await;
    let count = |of: fn(&Tally) -> &AtomicU64| load.sum(of);
    println!(
        "operations a second: {spoilt:.0} with {} calls spoilt, {skewed:.0} at a store with another time, {before:.0} before the \
         outages, {afterwards:.0} after them\n\
         {} operations, {} of them refused; {} answers unknown, {} clients hung up, {} replays compared",
        load.proxy.spoilt(),
        count(|tally| &tally.done),
        count(|tally| &tally.refused),
        count(|tally| &tally.unknown),
        count(|tally| &tally.hung_up),
        count(|tally| &tally.replayed),
    );
    // The calls in progress at both clock changes: three of each client, and eight accesses of each service.
    let refused = load.proxy.refused_for_time();
    assert!((1..=128).contains(&refused), "{refused} calls were signed at the wrong time");
    assert!(count(|tally| &tally.unknown) > 0, "there were faults");
    load.end().await;
}
