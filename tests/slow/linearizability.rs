//! Many clients compete for few slots, and replies are lost on both sides of the service. The responses must be linearizable:
//! explainable by a sequential order that no client can contradict (Herlihy and Wing, 1990).

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use jiff::SignedDuration;
use rand::{random_bool, random_range, seq::IndexedRandom as _};

use crate::{
    history::History,
    support::{
        Fault, TestApp,
        front_desk::FrontDesk,
        schedule::{Op, Wanted},
    },
};

const CLIENTS: usize = 16;
/// Four clients share a desk, so that their operations have few orders.
const DESKS: usize = 4;
const TURNS: usize = 4;
const STATUSES: [&str; 5] = ["confirmed", "checked_in", "scheduled", "completed", "no_show"];
const PATIENTS: usize = 3;
const FIRST_SLOT: &str = "2035-01-15T10:00:00Z";
/// The number of days that can be booked ahead. Each round uses one.
const MOST_ROUNDS: usize = 380;

/// The number of operations to check: `CLINIC_TEST_OPERATIONS`, or few enough for an ordinary run.
fn wanted_operations() -> usize {
    let set = std::env::var("CLINIC_TEST_OPERATIONS").ok();
    set.map_or(500, |number| number.parse().unwrap())
}

/// The operations of four clients on one day, and their outcomes.
struct Room {
    desk: FrontDesk,
    history: Mutex<History>,
    /// The next number for an appointment, or for a client that continues under a new number after an unknown outcome.
    next: AtomicUsize,
}

/// Counts of the outcomes.
#[derive(Debug, Default)]
struct Tally {
    told: AtomicUsize,
    unknown: AtomicUsize,
    /// Answered with 500.
    broken: AtomicUsize,
}

impl Room {
    fn new(desk: FrontDesk) -> Self {
        let history = Mutex::default();
        Self { desk, history, next: AtomicUsize::new(CLIENTS) }
    }

    fn number(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    fn draw(&self) -> Op {
        let visit = self.number();
        let wanted = Wanted {
            staff: random_range(0..2),
            patient: Some(random_range(0..PATIENTS)),
            room: random_bool(0.2),
            start: 30 * random_range(0..2),
            minutes: *[30, 45].choose(&mut rand::rng()).unwrap(),
        };
        let known = self.desk.known();
        let chosen = known.choose(&mut rand::rng()).copied();
        let Some(earlier) = chosen.filter(|_| random_bool(0.6)) else {
            if random_bool(0.6) {
                return Op::Book { visit, wanted, overbook: random_bool(0.1) };
            }
            let patient = wanted.patient.filter(|_| random_bool(0.5));
            return Op::Hold { visit, wanted: Wanted { patient, ..wanted }, minutes: 10 };
        };
        let Wanted { staff, start, minutes, patient, .. } = wanted;
        match random_range(0..6) {
            0 | 1 => Op::Move { visit: earlier, staff, start, minutes, overbook: false },
            2 => Op::Cancel { visit: earlier },
            3 => Op::Release { visit: earlier },
            4 => Op::Confirm { visit: earlier, patient: patient.filter(|_| random_bool(0.7)) },
            _ => {
                let status = STATUSES.choose(&mut rand::rng()).unwrap();
                Op::Step { visit: earlier, status }
            }
        }
    }

    /// One client, one operation after the other.
    async fn visit(&self, app: &TestApp, mut client: usize, tally: &Tally) {
        for _ in 0..TURNS {
            let (op, call) = loop {
                // A booking cannot be confirmed or released.
                let op = self.draw();
                if let Some(call) = self.desk.call(app, &op) {
                    break (op, call);
                }
            };
            // More faults would exhaust the retry budget, and most outcomes would be unknown.
            if random_bool(0.2) {
                app.wire.disturb("TransactWriteItems", disturbance());
            }
            self.history.lock().unwrap().invoke(client, op.clone());
            let patience = if random_bool(0.05) { random_range(1..20) } else { 60_000 };
            let answer = tokio::time::timeout(Duration::from_millis(patience), call.send()).await;
            let told = answer.ok().and_then(|answer| {
                let broken = answer.status.as_u16() == 500;
                tally.broken.fetch_add(usize::from(broken), Ordering::Relaxed);
                self.desk.hear(&op, &answer)
            });
            if let Some(ret) = told {
                tally.told.fetch_add(1, Ordering::Relaxed);
                self.history.lock().unwrap().respond(client, ret);
            } else {
                // It may take effect now, later or never.
                tally.unknown.fetch_add(1, Ordering::Relaxed);
                client = self.number();
            }
        }
    }
}

fn disturbance() -> Fault {
    let faults =
        [Fault::LostReply, Fault::LostReplyAndToken, Fault::Conflict, Fault::ThrottledInside];
    *faults.choose(&mut rand::rng()).unwrap()
}

/// Runs all clients, round by round, until this number of outcomes is known. Returns the first history that is not linearizable
/// as an error.
async fn run(app: &Arc<TestApp>, operations: usize, tally: &Arc<Tally>) -> Result<(), String> {
    let opening = (0..DESKS).map(|_| FrontDesk::open(app, 2, PATIENTS, FIRST_SLOT));
    let desks = join_all(opening).await;
    for round in 0..MOST_ROUNDS {
        if tally.told.load(Ordering::Relaxed) >= operations {
            break;
        }
        let day = i64::try_from(round).unwrap();
        let rooms: Vec<_> =
            desks.iter().map(|desk| Arc::new(Room::new(desk.on_day(day)))).collect();
        let clients = (0..CLIENTS).map(|client| {
            let (app, tally, room) = (app.clone(), tally.clone(), rooms[client % DESKS].clone());
            tokio::spawn(async move { room.visit(&app, client, &tally).await })
        });
        join_all(clients).await.into_iter().for_each(Result::unwrap);
        app.wire.calm();
        for room in rooms {
            let history = room.history.lock().unwrap();
            if !history.is_linearizable() {
                return Err(format!("round {round}: {history:?}"));
            }
        }
        // The next round's day becomes today, so that outcomes of its visits can be set.
        app.clock.advance(SignedDuration::from_hours(24));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_many_clients_are_told_could_have_happened_in_one_order() {
    let app = Arc::new(TestApp::builder().for_many().without_rates().spawn().await);
    let tally = Arc::new(Tally::default());
    let operations = wanted_operations();
    run(&app, operations, &tally).await.unwrap_or_else(|history| panic!("{history}"));
    assert_eq!(tally.broken.load(Ordering::Relaxed), 0);
    assert!(tally.told.load(Ordering::Relaxed) >= operations, "{tally:?}");
    // Requests that clients aborted may still be in progress.
    app.settle().await;
    app.check_day_sheets().await;
}

/// Tests the test: a store that ignores the conditions of day sheets must be detected.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_conditions_of_day_sheets_the_same_clients_find_a_contradiction() {
    let app = Arc::new(TestApp::builder().for_many().without_rates().spawn().await);
    let tally = Arc::new(Tally::default());
    app.wire.ignore_sheet_conditions();
    let found = run(&app, usize::MAX, &tally).await;
    assert!(found.is_err(), "{tally:?}");
}
