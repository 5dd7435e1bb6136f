//! Concurrent bookings of one staff member, room or patient, with AWS's conflicts between transactions that only check the same
//! item. Responses are right and retries are bounded, whatever the days of the bookings.

use std::{collections::HashMap, time::Duration};

use clinic_api::store::retry::MAX_TRIES;
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{
    Answer, Call, TestApp, booking, count, eventually, wait::DEADLINE, wire::WireCall,
};

const AT_ONCE: usize = 24;

/// Sends all bookings. The first one stays in DynamoDB until all others have conflicted with it.
async fn contend(app: &TestApp, calls: Vec<Call>) -> Vec<Answer> {
    let others = calls.len() - 1;
    app.wire.conflict_on_shared_items();
    app.wire.forget();
    let (arrived, go_on) = app.wire.pause_before("TransactWriteItems");
    let mut sent = calls.into_iter().map(|call| tokio::spawn(call.send()));
    let first = sent.next().unwrap();
    arrived.await.unwrap();
    let rest: Vec<_> = sent.collect();
    let conflicted = async || (app.wire.conflicts() >= others).then_some(());
    eventually("all others conflict", conflicted).await;
    go_on.send(()).unwrap();
    let answers = join_all([first].into_iter().chain(rest));
    let answers = tokio::time::timeout(DEADLINE, answers).await.unwrap();
    answers.into_iter().map(Result::unwrap).collect()
}

/// The number of attempts of each appointment's transaction.
fn tries(calls: &[WireCall]) -> HashMap<String, usize> {
    let mut tries = HashMap::new();
    for call in calls.iter().filter(|call| call.operation == "TransactWriteItems") {
        // A booking puts its appointment first, with the same id in each attempt.
        let id = call.request["TransactItems"][0]["Put"]["Item"]["id"]["S"].as_str().unwrap();
        *tries.entry(id.to_owned()).or_default() += 1;
    }
    tries
}

/// Asserts that every response is 201 or a 503 that wrote nothing, and that no booking exceeded its retries.
async fn assert_right(app: &TestApp, calls: Vec<Call>) {
    let answers = contend(app, calls.clone()).await;
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!(refused.status, 503, "{refused:?}");
        assert_eq!(refused.json()["code"], "contention");
        assert_eq!(refused.header("retry-after"), "1");
    }
    let booked = count(&answers, 201, 503);
    assert!(booked > 1, "none of those that conflicted was tried again");
    assert_eq!(app.all_appointments().await.len(), booked);
    let tries = tries(&app.wire.take_calls());
    assert_eq!(tries.len(), AT_ONCE);
    for (appointment, tries) in tries {
        assert!((1..=usize::from(MAX_TRIES)).contains(&tries), "{appointment}: {tries}");
    }
    for (call, _) in calls.into_iter().zip(answers).filter(|(_, answer)| answer.status != 201) {
        call.send().await.expect(201);
    }
    app.check_day_sheets().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bookings_of_one_staff_member_conflict_whatever_their_days() {
    let app = TestApp::builder().for_many().spawn().await;
    let clinic = app.ready_clinic().await;
    let mut calls = Vec::new();
    for day in 1..=AT_ONCE {
        let start = format!("2035-03-{day:02}T09:00:00");
        let body = booking(&clinic.staff, &app.patient().await, &start, 30);
        calls.push(app.post(&format!("{}/appointments", clinic.path)).json(&body));
    }
    assert_right(&app, calls).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bookings_of_one_patient_and_one_room_conflict_at_whatever_clinic_and_day() {
    let app = TestApp::builder().for_many().spawn().await;
    let (here, there) = (app.ready_clinic().await, app.ready_clinic().await);
    let room = app.resource(&here.path).await;
    let mut calls = Vec::new();
    for day in 1..=AT_ONCE {
        let start = format!("2035-03-{day:02}T09:00:00");
        let at = if day % 2 == 0 { &here } else { &there };
        let staff = app.staff_member(&at.path).await;
        let mut body = booking(&staff, &here.patient, &start, 30);
        if day % 2 == 0 {
            body["resource_ids"] = json!([room]);
        }
        calls.push(app.post(&format!("{}/appointments", at.path)).json(&body));
    }
    assert_right(&app, calls).await;
}

/// Of many bookings of one slot, one succeeds. The others get `staff_busy`, at once or after a 503 and a retry.
#[tokio::test(flavor = "multi_thread")]
async fn conflicts_let_one_of_many_have_a_slot() {
    let app = TestApp::builder().for_many().spawn().await;
    let clinic = app.ready_clinic().await;
    app.wire.slow_down(Duration::from_millis(5));
    let mut calls = Vec::new();
    for at in 0..AT_ONCE {
        let body = booking(&clinic.staff, &app.patient().await, "2035-03-01T09:00:00", 30);
        let call = app.post(&format!("{}/appointments", clinic.path)).json(&body);
        calls.push(call.idempotent(&format!("k-{at}")));
    }
    let answers = contend(&app, calls.clone()).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for (call, first) in calls.into_iter().zip(answers) {
        let again = call.send().await;
        if first.status == 201 {
            assert_eq!(again.replayed(), first.replayed());
        } else {
            assert!([409, 503].contains(&first.status.as_u16()), "{first:?}");
            again.problem(409, "staff_busy");
        }
    }
    assert_eq!(app.all_appointments().await.len(), 1);
    app.check_day_sheets().await;
}

/// A change of the staff member's own record has the same conflicts.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_a_staff_member_waits_for_a_booking_under_way() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let body = booking(&clinic.staff, &clinic.patient, "2035-03-01T09:00:00", 30);
    let book = app.post(&format!("{}/appointments", clinic.path)).json(&body);
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    let answers = contend(&app, vec![book, app.patch(&staff).json(&json!({ "name": "N" }))]).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses, [201, 200]);
    assert_eq!(app.get(&staff).send().await.json()["name"], "N");
    app.check_day_sheets().await;
}
