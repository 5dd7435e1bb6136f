//! Random plans, asked for one after the other and at once, with answers lost on both sides of the service and holds
//! running out in between: always what the schedule in memory says, and always its invariants.

mod turns;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use clinic_api::appointments::model::Appointment;
use futures_util::future::join_all;
use jiff::SignedDuration;
use proptest::{collection, prelude::ProptestConfig, test_runner::TestRunner};
use stateright::semantics::SequentialSpec as _;
use turns::{Heard, Turn, turn};

use crate::support::{
    Answer, Call, TestApp, eventually,
    front_desk::FrontDesk,
    schedule::{Op, Ret, Schedule, Wanted},
};

/// Slots lie on both sides of midnight in UTC, where day sheets begin.
const FIRST_SLOT: &str = "2035-01-16T23:30:00Z";

/// What is known of what became of an operation.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Outcome {
    Told(Ret),
    /// It was done or refused, and its client heard nothing of it.
    Unheard,
    /// The service did not know itself: it was done or was not, and nothing of it is under way any more.
    Unknown,
}

/// A request under a key that was done, and its answer.
type Done = (Call, Answer);

/// Does one thing; what is known of it then.
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

/// What was done is answered the same under its key; what was refused may be done the next time.
fn assert_replayed(op: &impl Debug, first: &Answer, again: &Answer) {
    if first.status.is_success() {
        assert_eq!(again.replayed(), first.replayed(), "{op:?}");
    }
}

/// All schedules that there may be once these have happened, in any order, if that is what was heard of them.
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

/// The schedules that there may be after an operation, if that is what may become of it.
fn step(
    schedule: Schedule,
    op: &Op,
    outcome: Outcome,
    alone: bool,
) -> impl Iterator<Item = Schedule> + use<> {
    let mut done = schedule.clone();
    let possible = match outcome {
        // What happens alone is refused for the first of all reasons.
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

/// What can be seen of an appointment.
type Seen = (String, String, usize, u16, bool);

fn seen_in_table(desk: &FrontDesk, appointment: &Appointment) -> Seen {
    let Appointment { status, start, staff_id, duration_minutes, overbooked, .. } = appointment;
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
        (id, (appointment.status.to_owned(), start, staff, minutes, appointment.overbooked))
    });
    seen.collect()
}

async fn live(turns: Vec<Turn>) {
    let app = TestApp::builder().for_many().without_rates().spawn().await;
    let desk = FrontDesk::open(&app, 2, 3, FIRST_SLOT).await;
    let mut schedules = BTreeSet::from([Schedule::default()]);
    let (mut diary, mut done) = (Vec::new(), Vec::new());
    let mut next = 0;
    for turn in turns {
        let known = desk.known();
        let mut ops = Vec::new();
        for ask in &turn.asks {
            let op = ask.op(next, &known);
            // Of a booking there is nothing to confirm or release.
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
    // Whoever still does not know what they were answered asks once more: that changes nothing.
    for (call, answer) in done {
        let again = eventually("the service knows what was done", async || {
            let again = call.clone().send().await;
            (!again.status.is_server_error()).then_some(again)
        });
        assert_replayed(&diary, &answer, &again.await);
    }
    app.check_day_sheets().await;
    let stored = app.all_appointments().await.into_iter().map(|entity| entity.value);
    let stored: BTreeMap<_, _> =
        stored.map(|value| (value.id.to_string(), seen_in_table(&desk, &value))).collect();
    let known: BTreeSet<_> =
        desk.known().into_iter().filter_map(|visit| desk.path(visit)).collect();
    // Those of which no answer arrived have no name in the model.
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
