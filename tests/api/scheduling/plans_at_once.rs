//! Concurrent moves, cancellations, confirmations and takeovers: each one is atomic, and replicas with different clocks never
//! give one slot to two callers.

use jiff::SignedDuration;
use serde_json::json;

use crate::support::{Answer, Call, Held, TestApp, TestClock, booking, count, race};

const START: &str = "2035-01-16T09:00:00";

/// Another replica, whose clock is ahead.
fn replica_ahead_by(app: &TestApp, by: SignedDuration) -> TestApp {
    TestApp::builder().clock(TestClock::ahead_of(&app.clock, by)).replica_of(app)
}

fn moving(app: &TestApp, path: &str, start: &str) -> Call {
    app.post(&format!("{path}/reschedule")).json(&json!({ "start": start }))
}

fn confirming(app: &TestApp, held: &Held, patient: &str) -> Call {
    let body = json!({ "hold_secret": held.secret, "patient_id": patient });
    app.post(&format!("{}/confirm", held.path)).json(&body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_and_a_cancellation_at_once_leave_one_of_their_ends() {
    let app = TestApp::builder().for_many().spawn().await;
    let clinic = app.ready_clinic().await;
    for (round, to) in
        ["2035-01-16T09:10:00", "2035-01-17T09:00:00"].into_iter().cycle().take(20).enumerate()
    {
        let path = app.booked(&clinic, START).await;
        let answers =
            race(vec![moving(&app, &path, to), app.post(&format!("{path}/cancel"))]).await;
        // It is cancelled in the end: before the move, which is then refused, or after it.
        assert_eq!(answers[1].status, 200, "round {round}");
        count(&answers[..1], 200, 409);
        let now = app.get(&path).send().await.expect(200).json();
        assert_eq!(now["status"], "cancelled");
        let moved = answers[0].status == 200;
        assert_eq!(now.get("rescheduled_from").is_some_and(|from| !from.is_null()), moved);
        app.check_day_sheets().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_moves_of_one_appointment_the_last_one_counts_and_nothing_else_is_taken() {
    let app = TestApp::builder().for_many().spawn().await;
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, START).await;
    for round in 0..6 {
        // On this day and on others, so that the appointment's key changes too.
        let starts: Vec<_> = (0..2)
            .flat_map(|hour| {
                [
                    format!("2035-01-16T1{hour}:00:00"),
                    format!("2035-01-{}T1{hour}:00:00", 17 + round),
                ]
            })
            .collect();
        let answers = race(starts.iter().map(|to| moving(&app, &path, to)).collect()).await;
        let moved: Vec<_> = answers.into_iter().map(|answer| answer.expect(200).json()).collect();
        let now = app.get(&path).send().await.expect(200).json();
        assert!(moved.contains(&now), "what stands is what one of them was told");
        assert_eq!(app.all_appointments().await.len(), 1);
        app.check_day_sheets().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_moves_to_one_slot_one_gets_it_and_the_others_stay() {
    let app = TestApp::builder().for_many().spawn().await;
    let clinic = app.ready_clinic().await;
    let mut paths = Vec::new();
    for hour in 10..20 {
        let body =
            booking(&clinic.staff, &app.patient().await, &format!("2035-01-16T{hour}:00:00"), 30);
        let made = app.post(&format!("{}/appointments", clinic.path)).json(&body).send().await;
        paths.push(made.expect(201).location());
    }
    let answers = race(paths.iter().map(|path| moving(&app, path, START)).collect()).await;
    assert_eq!(count(&answers, 200, 409), 1);
    for (hour, (path, answer)) in (10..20).zip(paths.iter().zip(&answers)) {
        let start = app.get(path).send().await.expect(200).json()["start"].clone();
        let stays = format!("2035-01-16T{hour}:00:00+01:00");
        let expected = if answer.status == 200 { format!("{START}+01:00") } else { stays };
        assert_eq!(start, expected.as_str());
    }
    app.check_day_sheets().await;
}

/// The holder's server has the slower clock: by it the hold is valid, by the other one it has expired. At any two instants at
/// which both are asked, at most one of them gets the slot.
#[tokio::test(flavor = "multi_thread")]
async fn servers_whose_clocks_are_four_seconds_apart_promise_no_slot_twice() {
    let app = TestApp::builder().for_many().spawn().await;
    let ahead = replica_ahead_by(&app, SignedDuration::from_secs(4));
    let clinic = app.ready_clinic().await;
    let (mut confirmed, mut taken) = (0, 0);
    // A hold of one minute, tested at the seconds around its end.
    for (round, second) in (54..=66).cycle().take(26).enumerate() {
        let start = format!("2035-01-{}T09:00:00", 16 + round / 2);
        let clinic = if round % 2 == 0 { clinic.clone() } else { app.ready_clinic().await };
        let held = app.held(&clinic, &start, 1).await;
        for server in [&app, &ahead] {
            server.clock.advance(SignedDuration::from_secs(second));
        }
        let other = booking(&clinic.staff, &app.patient().await, &start, 30);
        let taking = ahead.post(&format!("{}/appointments", clinic.path)).json(&other);
        let answers = race(vec![confirming(&app, &held, &clinic.patient), taking]).await;
        let [confirming, taking] = answers.as_slice() else { panic!("{answers:?}") };
        // By the slow clock it ends at second 60. By the fast clock the slot is available from second 66 on.
        let expected =
            if second < 60 { (200, 409) } else { (410, if second < 62 { 409 } else { 201 }) };
        assert_eq!(
            (confirming.status.as_u16(), taking.status.as_u16()),
            expected,
            "second {second}: {answers:?}"
        );
        confirmed += usize::from(confirming.status == 200);
        taken += usize::from(taking.status == 201);
    }
    assert!(confirmed > 0 && taken > 0);
    app.check_day_sheets().await;
}

/// The responses of a call and of others; the call's transaction reaches the database after the others are done.
async fn after_others(app: &TestApp, call: Call, others: Vec<Call>) -> Vec<Answer> {
    let (arrived, go_on) = app.wire.pause_before("TransactWriteItems");
    let last = tokio::spawn(call.send());
    arrived.await.unwrap();
    let mut answers = race(others).await;
    go_on.send(()).unwrap();
    answers.insert(0, last.await.unwrap());
    answers
}

/// With clocks minutes apart, a holder can lose the hold early, but no slot is shared.
#[tokio::test(flavor = "multi_thread")]
async fn servers_whose_clocks_are_minutes_apart_promise_no_slot_twice_either() {
    let app = TestApp::builder().for_many().spawn().await;
    let ahead = replica_ahead_by(&app, SignedDuration::from_mins(3));
    let mut clinic = app.ready_clinic().await;
    let mut taken = 0;
    for day in 16..31 {
        let start = format!("2035-01-{day}T09:00:00");
        let held = app.held(&clinic, &start, 2).await;
        let taking = |patient: &str| {
            let other = booking(&clinic.staff, patient, &start, 30);
            ahead.post(&format!("{}/appointments", clinic.path)).json(&other)
        };
        let (one, other) = (app.patient().await, app.patient().await);
        let confirming_it = confirming(&app, &held, &clinic.patient);
        let takings = vec![taking(&one), taking(&other)];
        let answers = if day % 2 == 0 {
            race([vec![confirming_it], takings].concat()).await
        } else {
            after_others(&app, confirming_it, takings).await
        };
        let won: Vec<_> = answers.iter().filter(|answer| answer.status.is_success()).collect();
        assert_eq!(won.len(), 1, "{answers:?}");
        taken += usize::from(answers[0].status == 410);
        app.check_day_sheets().await;
        // A hold on the fast server lasts longer by the slow server's clock, which therefore gives the slot to nobody else.
        clinic.patient = app.patient().await;
        let held = ahead.held(&clinic, &format!("2035-01-{day}T10:00:00"), 1).await;
        app.clock.advance(SignedDuration::from_secs(2));
        ahead.clock.advance(SignedDuration::from_secs(2));
        app.book(&clinic, &format!("2035-01-{day}T10:15:00"), 30).await.problem(409, "staff_busy");
        confirming(&app, &held, &clinic.patient).send().await.expect(200);
    }
    assert!(taken > 0);
    app.check_day_sheets().await;
}

/// A confirmation is requested in time and reaches the database after the hold has expired, when another server may take the
/// slot. Whichever comes first gets it, the other nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_on_its_way_and_a_takeover_never_both_happen() {
    let app = TestApp::builder().for_many().spawn().await;
    let clinic = app.ready_clinic().await;
    let mut ends = Vec::new();
    for day in 16..26 {
        let start = format!("2035-01-{day}T09:00:00");
        let held = app.held(&clinic, &start, 1).await;
        let confirming = confirming(&app, &held, &clinic.patient);
        let (arrived, go_on) = app.wire.pause_before("TransactWriteItems");
        let confirming = tokio::spawn(confirming.send());
        arrived.await.unwrap();
        app.clock.advance(SignedDuration::from_secs(66));
        let other = booking(&clinic.staff, &app.patient().await, &start, 30);
        let taking = app.post(&format!("{}/appointments", clinic.path)).json(&other);
        // In every second round the takeover is done before the confirmation continues.
        let taking = if day % 2 == 0 {
            let taken = taking.send().await;
            go_on.send(()).unwrap();
            taken
        } else {
            go_on.send(()).unwrap();
            taking.send().await
        };
        let confirming = confirming.await.unwrap();
        let ended = (confirming.status.as_u16(), taking.status.as_u16());
        assert!([(200, 409), (410, 201)].contains(&ended), "{confirming:?} {taking:?}");
        ends.push(ended);
        app.check_day_sheets().await;
    }
    assert!(ends.contains(&(410, 201)), "{ends:?}");
}
