//! Races: concurrent requests have one effect, and none is half done.

use serde_json::json;

use crate::support::{Call, ClinicMade, TestApp, booking, count, race};

async fn patients(app: &TestApp, number: usize) -> Vec<String> {
    let mut patients = Vec::new();
    for _ in 0..number {
        patients.push(app.patient().await);
    }
    patients
}

fn book(app: &TestApp, clinic: &ClinicMade, patient: &str, start: &str, minutes: u16) -> Call {
    let body = booking(&clinic.staff, patient, start, minutes);
    app.post(&format!("{}/appointments", clinic.path)).json(&body)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_200_for_one_slot_one_gets_it() {
    let app = TestApp::builder().for_many().spawn().await;
    let clinic = app.ready_clinic().await;
    let patients = patients(&app, 200).await;
    let calls = patients
        .iter()
        .map(|patient| book(&app, &clinic, patient, "2035-01-16T09:00:00", 30).idempotent(patient));
    let answers = race(calls.collect()).await;
    assert_eq!(count(&answers, 201, 409), 1);
    for refused in answers.into_iter().filter(|answer| answer.status == 409) {
        refused.problem(409, "staff_busy");
    }
    app.check_day_sheets().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_200_for_overlapping_slots_as_many_get_one_as_fit() {
    let app = TestApp::builder().for_many().spawn().await;
    let clinic = app.ready_clinic().await;
    let patients = patients(&app, 200).await;
    let calls = patients.iter().enumerate().map(|(at, patient)| {
        let start = format!("2035-01-16T{:02}:{:02}:00", 9 + at % 60 / 20, at % 20 * 3);
        book(&app, &clinic, patient, &start, 30).idempotent(patient)
    });
    let answers = race(calls.collect()).await;
    let won = count(&answers, 201, 409);
    // Within 3 hours and 27 minutes, 30 minutes each: at most 6, and no gap of 59 minutes can stay free.
    assert!((3..=6).contains(&won), "{won}");
    app.check_day_sheets().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_200_for_one_patient_at_two_clinics_one_gets_it() {
    let app = TestApp::builder().for_many().spawn().await;
    let here = app.ready_clinic().await;
    let mut there = app.ready_clinic().await;
    there.patient.clone_from(&here.patient);
    let calls = (0..200).map(|at| {
        let clinic = if at % 2 == 0 { &here } else { &there };
        let start = format!("2035-01-16T09:{:02}:00", at % 30);
        book(&app, clinic, &here.patient, &start, 60).idempotent(&format!("{at}"))
    });
    let answers = race(calls.collect()).await;
    assert_eq!(count(&answers, 201, 409), 1);
    app.check_day_sheets().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_200_for_one_record_number_one_gets_it() {
    let app = TestApp::builder().for_many().spawn().await;
    let patient = json!({ "name": "Ida", "mrn": "A-1" });
    let call = |number| app.post("/v1/patients").json(&patient).idempotent(&format!("k-{number}"));
    let answers = race((0..200).map(call).collect()).await;
    assert_eq!(count(&answers, 201, 409), 1);
    let items = app.all_items().await;
    for once in ["patient", "identifier", "idempotency"] {
        let of_type = items.iter().filter(|item| item["type"].as_s().unwrap() == once);
        assert_eq!(of_type.count(), 1, "{once}");
    }
    app.check_search().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_under_one_idempotency_key_have_one_effect_and_one_answer() {
    let app = TestApp::builder().for_many().spawn().await;
    let clinic = app.ready_clinic().await;
    let one = book(&app, &clinic, &clinic.patient, "2035-01-16T09:00:00", 30).idempotent("k");
    let answers = race(vec![one; 200]).await;
    for answer in &answers {
        assert_eq!(answer.clone().expect(201).body, answers[0].body);
    }
    assert_eq!(app.all_appointments().await.len(), 1);
    app.check_day_sheets().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bookings_that_do_not_overlap_all_happen() {
    let app = TestApp::builder().for_many().spawn().await;
    let clinic = app.ready_clinic().await;
    let patients = patients(&app, 24).await;
    let calls = patients.iter().enumerate().map(|(at, patient)| {
        let start = format!("2035-01-16T{:02}:{:02}:00", 8 + at / 4, at % 4 * 15);
        book(&app, &clinic, patient, &start, 15).idempotent(patient)
    });
    let answers = race(calls.collect()).await;
    assert_eq!(count(&answers, 201, 201), 24);
    app.check_day_sheets().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_twice_at_once_frees_once() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    for _ in 0..20 {
        let path = app.booked(&clinic, "2035-01-16T09:00:00").await;
        let answers = race((0..4).map(|_| app.post(&format!("{path}/cancel"))).collect()).await;
        assert_eq!(count(&answers, 200, 409), 1);
        app.check_day_sheets().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_cancelled_and_booked_again_is_not_freed_by_deleting_the_first() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    for day in 1..20 {
        let start = format!("2035-02-{day:02}T09:00:00");
        let first = app.booked(&clinic, &start).await;
        let answers = race(vec![
            app.post(&format!("{first}/cancel")),
            book(&app, &clinic, &clinic.patient, &start, 30),
            app.delete(&first),
            book(&app, &clinic, &clinic.patient, &start, 30),
            app.delete(&first),
        ])
        .await;
        assert_eq!(
            [&answers[2], &answers[4]].iter().filter(|answer| answer.status == 204).count(),
            1
        );
        let booked =
            [&answers[1], &answers[3]].iter().filter(|answer| answer.status == 201).count();
        assert!(booked <= 1);
        app.check_day_sheets().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_and_a_deletion_of_its_staff_member_never_both_happen() {
    let app = TestApp::spawn().await;
    let mut clinic = app.ready_clinic().await;
    for _ in 0..25 {
        clinic.staff = app.staff_member(&clinic.path).await;
        clinic.patient = app.patient().await;
        let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
        let mut calls = vec![app.delete(&staff)];
        let starts = ["2035-01-16T09:00:00", "2035-01-17T09:00:00", "2035-01-18T09:00:00"];
        calls.extend(starts.map(|start| book(&app, &clinic, &clinic.patient, start, 30)));
        let answers = race(calls).await;
        let booked = answers[1..].iter().any(|answer| answer.status == 201);
        let deleted = answers[0].status == 204;
        assert!(!(booked && deleted), "booked with somebody who is gone");
        let left = app.get(&staff).send().await;
        assert_eq!(left.status == 404, deleted);
        if !deleted {
            answers[0].clone().problem(409, "has_future_appointments");
            assert_eq!(left.header("etag"), "\"1\"", "a refused deletion changes nothing");
            app.book(&clinic, "2035-01-19T09:00:00", 30).await.expect(201);
        }
        app.check_day_sheets().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_and_a_deletion_of_its_patient_never_both_happen() {
    let app = TestApp::spawn().await;
    let mut clinic = app.ready_clinic().await;
    for _ in 0..25 {
        clinic.patient = app.patient().await;
        clinic.staff = app.staff_member(&clinic.path).await;
        let patient = format!("/v1/patients/{}", clinic.patient);
        let answers = race(vec![
            book(&app, &clinic, &clinic.patient, "2035-01-16T09:00:00", 30),
            app.delete(&patient),
            app.delete(&patient),
        ])
        .await;
        let deleted = app.get(&patient).send().await.status == 404;
        assert!(!(deleted && answers[0].status == 201), "booked for somebody who is gone");
        app.check_day_sheets().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_deactivation_is_answered_nothing_is_booked() {
    let app = TestApp::spawn().await;
    let mut clinic = app.ready_clinic().await;
    for _ in 0..25 {
        clinic.staff = app.staff_member(&clinic.path).await;
        clinic.patient = app.patient().await;
        let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
        let deactivate = app.patch(&staff).json(&json!({ "active": false }));
        let booking = book(&app, &clinic, &clinic.patient, "2035-01-16T09:00:00", 30);
        let answers = race(vec![deactivate, booking]).await;
        answers[0].clone().expect(200);
        count(&answers[1..], 201, 409);
        app.book(&clinic, "2035-01-17T09:00:00", 30).await.problem(409, "staff_inactive");
        app.check_day_sheets().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_staff_member_and_a_deletion_of_the_clinic_never_both_happen() {
    let app = TestApp::spawn().await;
    for _ in 0..25 {
        let clinic = app.clinic().await;
        let staff = json!({ "name": "A", "role": "nurse" });
        let create = app.post(&format!("{clinic}/staff")).json(&staff);
        let answers = race(vec![create.clone(), app.delete(&clinic), create]).await;
        let deleted = app.get(&clinic).send().await.status == 404;
        let made = [&answers[0], &answers[2]].iter().any(|answer| answer.status == 201);
        assert!(!(deleted && made), "staff of a clinic that is gone");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_and_a_cancellation_at_once_leave_sheets_and_status_in_agreement() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    for hour in 0..14 {
        let path = app.booked(&clinic, &format!("2035-01-15T{:02}:30:00", 9 + hour)).await;
        let step =
            |status: &str| app.post(&format!("{path}/status")).json(&json!({ "status": status }));
        let answers = race(vec![
            step("confirmed"),
            app.post(&format!("{path}/cancel")),
            step("no_show").idempotent("k"),
        ])
        .await;
        count(&answers, 200, 409);
        let ended = answers[1..].iter().filter(|answer| answer.status == 200).count();
        assert_eq!(ended, 1, "it is cancelled or a no-show, and not both");
        app.check_day_sheets().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn patches_at_once_all_happen_without_a_precondition_and_one_with_it() {
    let app = TestApp::spawn().await;
    let path = app.clinic().await;
    let fields = [
        json!({ "name": "B" }),
        json!({ "phone": "+41445551234" }),
        json!({ "address": { "city": "Bern" } }),
        json!({ "position": { "latitude": 1.5, "longitude": 2.5 } }),
    ];
    let answers = race(fields.iter().map(|patch| app.patch(&path).json(patch)).collect()).await;
    assert_eq!(count(&answers, 200, 200), 4);
    let clinic = app.get(&path).send().await;
    assert_eq!(clinic.header("etag"), "\"5\"");
    for field in &fields {
        let (name, value) = field.as_object().unwrap().iter().next().unwrap();
        let got = &clinic.json()[name];
        assert!(got == value || got["city"] == value["city"], "{name} was lost");
    }
    let guarded =
        |name: &str| app.patch(&path).json(&json!({ "name": name })).header("if-match", "\"5\"");
    let answers = race(vec![guarded("C"), guarded("D"), guarded("E")]).await;
    assert_eq!(count(&answers, 200, 412), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn record_numbers_exchanged_at_once_are_never_two_patients() {
    let app = TestApp::spawn().await;
    let patient = async |mrn: &str| {
        let body = json!({ "name": "Ida", "mrn": mrn });
        app.post("/v1/patients").json(&body).send().await.expect(201).location()
    };
    let (a, b) = (patient("A").await, patient("B").await);
    for round in 0..20 {
        let free = format!("F-{round}");
        let patch = |path: &str, mrn: &str| app.patch(path).json(&json!({ "mrn": mrn }));
        let answers =
            race(vec![patch(&a, &free), patch(&b, &free), patch(&a, &format!("G-{round}"))]).await;
        count(&answers, 200, 409);
        let of = async |path: &str| {
            app.get(path).send().await.json()["mrn"].as_str().unwrap().to_owned()
        };
        let (of_a, of_b) = (of(&a).await, of(&b).await);
        assert_ne!(of_a, of_b);
        app.check_search().await;
    }
}
