//! Random plans of sequential and concurrent operations, with replies lost on both sides of the service and holds that expire in
//! between. The result always matches the sequential model, and the invariants hold.

mod turns;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use clinic_api::{
    appointments::{
        model::{Appointment, Status},
        repo::{claims_of, entry_of},
    },
    time::Clock as _,
};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use proptest::{collection, prelude::ProptestConfig, test_runner::TestRunner};
use stateright::semantics::SequentialSpec as _;
use turns::{Heard, Turn, turn};

use crate::support::{
    Answer, Call, TestApp, eventually,
    front_desk::FrontDesk,
    schedule::{Op, Ret, Schedule, Wanted},
};

/// Slots are on both sides of UTC midnight, where day sheets begin.
const FIRST_SLOT: &str = "2035-01-15T23:30:00Z";

/// The visits' day begins at 23:00 UTC, this many seconds after the start of the plan.
const DAY_BEGINS: i64 = 300;

/// What is known of an operation's outcome.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Outcome {
    Told(Ret),
    /// It succeeded or was refused, but the reply to the client was lost.
    Unheard,
    /// The service does not know: it succeeded or not, and it is not in progress any more.
    Unknown,
}

/// A successful request with a key, and its response.
type Done = (Call, Answer);

/// Performs one operation. Returns what is known of its outcome.
async fn perform(
    app: &TestApp,
    desk: &FrontDesk,
    op: &Op,
    heard: Heard,
    key: &str,
) -> (Outcome, Option<Done>) {
    let Some(call) = desk.call(app, op) else {
        panic!("nothing to ask for: {op:?}");
    };
    let told = |answer: &Answer| {
        assert_ne!(answer.status, 500, "{op:?}");
        desk.hear(op, answer).map_or(Outcome::Unknown, Outcome::Told)
    };
    if matches!(op, Op::Delete { .. }) {
        return (told(&call.send().await), None);
    }
    let call = call.idempotent(key);
    let mut answer = call.clone().send().await;
    if heard == Heard::AskedAgain {
        let again = call.clone().send().await;
        if !again.status.is_server_error() {
            assert_replayed(op, &answer, &again);
            answer = again;
        }
    }
    let outcome = match heard {
        Heard::Lost if !answer.status.is_server_error() => Outcome::Unheard,
        _ => told(&answer),
    };
    (outcome, answer.status.is_success().then_some((call, answer)))
}

/// A successful request gets the same response under its key. A refused one may succeed the next time.
fn assert_replayed(op: &impl Debug, first: &Answer, again: &Answer) {
    if first.status.is_success() {
        assert_eq!(again.replayed(), first.replayed(), "{op:?}");
    }
}

/// All possible schedules after these operations, in any order, that match the known outcomes.
fn after(before: &BTreeSet<Schedule>, heard: &[(Op, Outcome)], alone: bool) -> BTreeSet<Schedule> {
    let Some((_, rest)) = heard.split_first() else {
        return before.clone();
    };
    let mut all = BTreeSet::new();
    for first in 0..heard.len() {
        let mut others = rest.to_vec();
        if first > 0 {
            others[first - 1] = heard[0].clone();
        }
        let (op, outcome) = &heard[first];
        let before = before.iter().cloned();
        let next = before.flat_map(|schedule| step(schedule, op, *outcome, alone)).collect();
        all.extend(after(&next, &others, alone));
    }
    all
}

/// The possible schedules after an operation with this outcome.
fn step(
    schedule: Schedule,
    op: &Op,
    outcome: Outcome,
    alone: bool,
) -> impl Iterator<Item = Schedule> + use<> {
    let mut done = schedule.clone();
    let possible = match outcome {
        // Without concurrency, the first of all reasons is reported.
        Outcome::Told(ret) if alone => done.invoke(op) == ret,
        Outcome::Told(ret) => done.is_valid_step(op, &ret),
        Outcome::Unheard | Outcome::Unknown => {
            done.invoke(op);
            true
        }
    };
    let not_done = (outcome == Outcome::Unknown).then_some(schedule);
    possible.then_some(done).into_iter().chain(not_done)
}

/// The visible state of an appointment.
type Seen = (String, String, usize, u16, bool);

/// The state in the table. A lapsed hold counts as expired: a booking that takes its time stores that first, and may then be
/// refused because of others.
fn seen_in_table(desk: &FrontDesk, appointment: &Appointment, now: Timestamp) -> Seen {
    let Appointment { status, start, staff_id, duration_minutes, overbooked, .. } = appointment;
    let lapsed =
        claims_of(appointment).iter().any(|claim| entry_of(appointment, claim).has_lapsed(now));
    let status = if lapsed { Status::Expired } else { *status };
    let staff = desk.staff_number(staff_id.as_str());
    (status.to_string(), start.to_string(), staff, *duration_minutes, *overbooked)
}

fn seen_in_model(desk: &FrontDesk, schedule: &Schedule) -> BTreeSet<(Option<String>, Seen)> {
    let there = schedule.visits.iter().filter(|(_, appointment)| appointment.status != "deleted");
    let seen = there.map(|(visit, appointment)| {
        let Wanted { staff, start, minutes, .. } = appointment.wanted;
        let minutes = u16::try_from(minutes).unwrap();
        let start = desk.time(start).to_string();
        let id = desk.path(*visit).and_then(|path| Some(path.rsplit_once('/')?.1.to_owned()));
        let lapsed = appointment.has_lapsed(schedule.now);
        let status = if lapsed { "expired" } else { appointment.status };
        (id, (status.to_owned(), start, staff, minutes, appointment.overbooked))
    });
    seen.collect()
}

async fn live(turns: Vec<Turn>) {
    let app = TestApp::builder().for_many().without_rates().spawn().await;
    app.clock.advance(SignedDuration::from_hours(15) - SignedDuration::from_secs(DAY_BEGINS));
    let desk = FrontDesk::open(&app, 2, 3, FIRST_SLOT).await;
    let mut schedules =
        BTreeSet::from([Schedule { day_begins: DAY_BEGINS, ..Schedule::default() }]);
    let (mut diary, mut done) = (Vec::new(), Vec::new());
    let mut next = 0;
    for turn in turns {
        let known = desk.known();
        let mut ops = Vec::new();
        for ask in &turn.asks {
            let op = ask.op(next, &known);
            // A booking cannot be confirmed or released.
            if desk.call(&app, &op).is_some() {
                ops.push((op, ask.answer, format!("key-{next}")));
            }
            next += 1;
        }
        if let Some(fault) = turn.fault {
            app.wire.disturb("TransactWriteItems", fault);
        }
        let (app, desk) = (&app, &desk);
        let outcomes = ops.iter().map(|(op, heard, key)| perform(app, desk, op, *heard, key));
        let (outcomes, dones): (Vec<_>, Vec<_>) = join_all(outcomes).await.into_iter().unzip();
        app.wire.calm();
        let heard: Vec<_> = ops.into_iter().map(|(op, ..)| op).zip(outcomes).collect();
        done.extend(dones.into_iter().flatten());
        schedules = after(&schedules, &heard, heard.len() == 1);
        diary.push((heard, turn.quiet_seconds));
        assert!(!schedules.is_empty(), "no order of the last ones explains this: {diary:#?}");
        app.clock.advance(SignedDuration::from_secs(turn.quiet_seconds));
        let passed = |mut schedule: Schedule| {
            schedule.now += turn.quiet_seconds;
            schedule
        };
        schedules = schedules.into_iter().map(passed).collect();
    }
    // Successful requests are repeated at the end. The replay changes nothing.
    for (call, answer) in done {
        let again = eventually("the service knows what was done", async || {
            let again = call.clone().send().await;
            (!again.status.is_server_error()).then_some(again)
        });
        assert_replayed(&diary, &answer, &again.await);
    }
    app.check_day_sheets().await;
    let stored = app.all_appointments().await.into_iter().map(|entity| entity.value);
    let now = app.clock.now();
    let stored: BTreeMap<_, _> =
        stored.map(|value| (value.id.to_string(), seen_in_table(&desk, &value, now))).collect();
    let known: BTreeSet<_> =
        desk.known().into_iter().filter_map(|visit| desk.path(visit)).collect();
    // Appointments without a response have no name in the model.
    let named: BTreeSet<_> = stored
        .into_iter()
        .map(|(id, seen)| {
            let is_known = known.iter().any(|path| path.ends_with(&id));
            (is_known.then_some(id), seen)
        })
        .collect();
    let possible: Vec<_> =
        schedules.iter().map(|schedule| seen_in_model(&desk, schedule)).collect();
    assert!(possible.contains(&named), "{named:#?} is none of {possible:#?} after {diary:#?}");
}

#[test]
fn whatever_is_planned_the_service_does_what_the_schedule_in_memory_does() {
    let cases = std::env::var("CLINIC_TEST_CASES").ok();
    let cases = cases.map_or(12, |number| number.parse().unwrap());
    let config = ProptestConfig {
        cases,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Default::default()
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let result = TestRunner::new(config).run(&collection::vec(turn(), 1..25), |turns| {
        runtime.block_on(live(turns));
        Ok(())
    });
    result.unwrap();
}
