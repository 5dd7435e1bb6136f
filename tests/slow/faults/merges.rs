//! Merges that are interrupted, whose replies are lost, or that conflict with other requests.

use jiff::SignedDuration;
use serde_json::json;

use crate::support::{Call, ClinicMade, Fault, TestApp, booking, race::race};

/// A patient with three appointments, one of which overlaps one of the clinic's patient.
async fn twin(app: &TestApp, clinic: &ClinicMade) -> String {
    let (twin, staff) = (app.patient().await, app.staff_member(&clinic.path).await);
    app.booked(clinic, "2035-01-16T09:00:00").await;
    for start in ["2035-01-16T08:00:00", "2035-01-16T09:00:00", "2035-01-17T00:45:00"] {
        let body = booking(&staff, &twin, start, 30);
        let book = app.post(&format!("{}/appointments", clinic.path)).json(&body);
        book.send().await.expect(201);
    }
    twin
}

fn merge(app: &TestApp, from: &str, into: &str) -> Call {
    app.post(&format!("/v1/patients/{from}/merge")).json(&json!({ "into": into }))
}

async fn check(app: &TestApp) {
    app.check_day_sheets().await;
    app.check_search().await;
    app.check_merges().await;
}

/// The number of appointments of a patient.
async fn appointments_of(app: &TestApp, patient: &str) -> usize {
    let all = app.all_appointments().await.into_iter();
    all.filter(|one| one.value.patient_id.as_ref().is_some_and(|id| id.as_str() == patient)).count()
}

#[tokio::test]
async fn a_merge_that_stops_anywhere_is_completed_by_asking_again() {
    for keyed in [false, true] {
        for operation in ["TransactWriteItems", "GetItem", "BatchGetItem", "Query", "PutItem"] {
            let mut stopped = 0;
            loop {
                let app = TestApp::spawn().await;
                let clinic = app.ready_clinic().await;
                let twin = twin(&app, &clinic).await;
                app.settle().await;
                let merge = merge(&app, &twin, &clinic.patient);
                let merge = merge.header("if-match", "\"1\"");
                let merge = if keyed { merge.idempotent("k") } else { merge };
                app.wire.disturb_later(stopped, operation, Fault::Unforeseen);
                let answer = merge.clone().send().await;
                let all_passed = app.wire.waiting() > 0;
                app.wire.calm();
                app.settle().await;
                check(&app).await;
                if !all_passed {
                    answer.problem(500, "internal_error");
                }
                let done = merge.clone().send().await.expect(200);
                assert_eq!(done.json()["kept"].as_array().unwrap().len(), 1);
                assert_eq!(appointments_of(&app, &twin).await, 1);
                assert_eq!(appointments_of(&app, &clinic.patient).await, 3);
                check(&app).await;
                if all_passed {
                    break;
                }
                stopped += 1;
            }
            // Under a key, the last write is a transaction.
            let is_used = !(keyed && operation == "PutItem");
            assert_eq!(stopped > 0, is_used, "{operation}: {stopped}");
        }
    }
}

#[tokio::test]
async fn lost_replies_of_every_step_of_a_merge_do_not_matter() {
    for fault in [Fault::LostReply, Fault::LostReplyAndToken] {
        for passing in 0..4 {
            let app = TestApp::spawn().await;
            let clinic = app.ready_clinic().await;
            let twin = twin(&app, &clinic).await;
            let merge = merge(&app, &twin, &clinic.patient).idempotent("k");
            app.wire.disturb_later(passing, "TransactWriteItems", fault);
            let first = merge.clone().send().await.expect(200);
            assert_eq!(app.wire.waiting(), 0);
            assert_eq!(appointments_of(&app, &clinic.patient).await, 3);
            // Each appointment moved once.
            let moved = app.all_appointments().await;
            assert!(moved.iter().all(|one| one.meta.rev <= 2), "{moved:?}");
            assert_eq!(merge.send().await.replayed(), first.replayed());
            check(&app).await;
        }
    }
}

/// The other patient's deletion begins between two appointments. The check of its record then fails with an item that this
/// request has written, which must not pass for a success.
#[tokio::test]
async fn a_mark_on_the_other_patient_between_two_appointments_stops_the_merge() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let twin = twin(&app, &clinic).await;
    let (arrived, go_on) = app.wire.pause_after(1, "TransactWriteItems");
    let merging = tokio::spawn(merge(&app, &twin, &clinic.patient).send());
    arrived.await.unwrap();
    app.mark_as_being_deleted(&clinic.patient, false).await;
    go_on.send(()).unwrap();
    merging.await.unwrap().problem(409, "patient_inactive");
    assert_eq!(appointments_of(&app, &twin).await, 3);
    app.clock.advance(SignedDuration::from_mins(6));
    merge(&app, &twin, &clinic.patient).send().await.expect(200);
    assert_eq!(appointments_of(&app, &twin).await, 1);
    check(&app).await;
}

#[tokio::test]
async fn a_write_that_read_the_patient_before_a_merge_is_refused() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    for case in ["book", "patch", "merge"] {
        let twin = app.patient().await;
        let body = booking(&clinic.staff, &twin, "2035-01-16T09:00:00", 30);
        let patch = json!({ "active": true, "mrn": "A-1" });
        let slow = match case {
            "book" => app.post(&format!("{}/appointments", clinic.path)).json(&body),
            "patch" => app.patch(&format!("/v1/patients/{twin}")).json(&patch),
            _ => merge(&app, &clinic.patient, &twin),
        };
        let (arrived, go_on) = app.wire.pause_before("TransactWriteItems");
        let slow = tokio::spawn(slow.send());
        arrived.await.unwrap();
        merge(&app, &twin, &clinic.patient).send().await.expect(200);
        go_on.send(()).unwrap();
        let refused = slow.await.unwrap().problem(409, "patient_merged");
        assert_eq!(refused["merged_into"], json!(clinic.patient), "{case}");
        check(&app).await;
    }
    assert_eq!(app.all_appointments().await.len(), 0);
}

/// A booking for the other patient takes the time of an appointment that is about to move there.
#[tokio::test]
async fn an_appointment_whose_time_is_taken_meanwhile_stays() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let twin = twin(&app, &clinic).await;
    let (arrived, go_on) = app.wire.pause_after(1, "TransactWriteItems");
    let merging = tokio::spawn(merge(&app, &twin, &clinic.patient).send());
    arrived.await.unwrap();
    app.booked(&clinic, "2035-01-16T08:00:00").await;
    go_on.send(()).unwrap();
    let merged = merging.await.unwrap().expect(200).json();
    assert_eq!(merged["kept"].as_array().unwrap().len(), 2, "{merged}");
    check(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_merges_in_opposite_directions_one_wins() {
    for _ in 0..10 {
        let app = TestApp::builder().for_many().spawn().await;
        let clinic = app.ready_clinic().await;
        let twin = twin(&app, &clinic).await;
        let third = app.patient().await;
        let calls = [
            merge(&app, &twin, &clinic.patient),
            merge(&app, &clinic.patient, &twin),
            merge(&app, &clinic.patient, &third),
            merge(&app, &third, &twin),
            merge(&app, &twin, &third),
        ];
        let answers = race(calls.into()).await;
        let won = answers.iter().filter(|answer| answer.status == 200).count();
        assert!((1..=2).contains(&won), "{answers:?}");
        for answer in answers.into_iter().filter(|answer| answer.status != 200) {
            answer.problem(409, "patient_merged");
        }
        check(&app).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn merges_bookings_and_deletions_at_once_leave_the_sheets_right() {
    for round in 0..10 {
        let app = TestApp::builder().for_many().spawn().await;
        let mut clinic = app.ready_clinic().await;
        let twin = twin(&app, &clinic).await;
        let third = app.patient().await;
        let book = |patient: &str, start: &str| {
            let body = booking(&clinic.staff, patient, start, 30);
            app.post(&format!("{}/appointments", clinic.path)).json(&body)
        };
        let deleted = if round % 2 == 0 { &third } else { &twin };
        let calls = vec![
            merge(&app, &twin, &clinic.patient),
            merge(&app, &third, &clinic.patient),
            merge(&app, &twin, &clinic.patient),
            book(&twin, "2035-01-16T10:00:00"),
            book(&third, "2035-01-16T11:00:00"),
            book(&clinic.patient, "2035-01-16T08:00:00"),
            app.delete(&format!("/v1/patients/{deleted}")),
        ];
        let answers = race(calls).await;
        for answer in &answers {
            assert!(![500, 503].contains(&answer.status.as_u16()), "{answer:?}");
        }
        app.check_day_sheets().await;
        app.check_search().await;
        clinic.patient = app.patient().await;
        app.booked(&clinic, "2035-01-18T09:00:00").await;
    }
}
