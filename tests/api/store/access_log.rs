//! The access log under load, without space, and with killed workers: no access is lost or written twice.

use std::{collections::BTreeSet, time::Duration};

use clinic_api::{
    app::RequestLimits,
    http::auth::{Principal, Role},
    seed::{Plan, fill},
    time::Clock as _,
    worker::{change_record::ChangeRecord, processor::Processor},
};
use jiff::SignedDuration;
use serde_json::json;

use crate::support::{
    Fault, NOW, TestApp,
    app::external_endpoint,
    builder::search_of_tests,
    callers::{principal, token},
    race,
    wire::WireCall,
};

/// A clinic whose first hundred appointments are of a hundred patients. Returns the path of their list.
async fn a_hundred_patients(app: &TestApp) -> String {
    let plan = Plan {
        org: app.org.clone(),
        clinics: 1,
        staff: 10,
        patients: 100,
        appointments: 100,
        today: NOW[..10].parse().unwrap(),
        seed: 1,
    };
    fill(&app.store, &search_of_tests(), &plan, 4, |_| {}).await.unwrap();
    format!("/v1/clinics/{}/appointments?limit=100", plan.clinic_id(0))
}

fn caller(app: &TestApp, subject: &str) -> TestApp {
    let principal = Principal { subject: subject.to_owned(), ..principal(Role::Manager) };
    app.with_bearer(token(&principal))
}

/// An access: subject, operation, hour and patient.
type Row = [String; 4];

/// The entries of the log, each of which must have been written once.
async fn entries(app: &TestApp) -> Vec<Row> {
    let items = app.all_items_and_accesses().await;
    let accesses = items.iter().filter(|item| item["type"].as_s().unwrap() == "access");
    let rows = accesses.map(|item| {
        assert_eq!(item["rev"].as_n().unwrap(), "1", "it was written once: {item:?}");
        let [subject, operation, at, patient] = ["subject", "operation", "at", "patient_id"]
            .map(|name| item[name].as_s().unwrap().to_owned());
        [subject, operation, at[..13].to_owned(), patient]
    });
    let mut rows: Vec<_> = rows.collect();
    rows.sort();
    rows
}

/// The patients on a page of appointments.
fn patients_of(page: &serde_json::Value) -> BTreeSet<String> {
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| item["patient_id"].as_str().unwrap().to_owned()).collect()
}

/// The number of calls that put entries of the log.
fn puts_of_entries(calls: &[WireCall]) -> usize {
    let entry = |call: &&WireCall| {
        call.request["Item"]["SK"]["S"].as_str().is_some_and(|sk| sk.starts_with("ACCESS#"))
    };
    calls.iter().filter(entry).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_lists_of_a_hundred_patients_on_a_slow_table_are_recorded_whole() {
    let app = TestApp::builder().without_rates().for_many().spawn().await;
    let list = a_hundred_patients(&app).await;
    app.wire.slow_accesses_down(Duration::from_millis(6));
    let subjects = ["anna", "ben", "clara", "dora"];
    let callers = subjects.map(|subject| caller(&app, subject));
    let mut expected = Vec::new();
    for _ in 0..2 {
        let lists = (0..50).map(|number: usize| callers[number % callers.len()].get(&list));
        for answer in race(lists.collect()).await {
            assert_eq!(patients_of(&answer.expect(200).json()).len(), 100);
        }
        let hour = app.clock.now().to_string()[..13].to_owned();
        let again = callers[0].get(&list).send().await.expect(200);
        let shown = patients_of(&again.json());
        for subject in subjects {
            let row = |patient: &String| {
                [
                    subject.to_owned(),
                    "list_clinic_appointments".to_owned(),
                    hour.clone(),
                    patient.clone(),
                ]
            };
            expected.extend(shown.iter().map(row));
        }
        app.clock.advance(SignedDuration::from_hours(1));
    }
    app.settle().await;
    let written = app.wire.take_accesses().len();
    app.wire.forget();
    app.process_changes().await;
    let entries_put = puts_of_entries(&app.wire.take_calls());
    println!("102 requests that show 10,200 patients: {written} items, {entries_put} accesses");
    assert_eq!(entries_put, expected.len(), "no write of the worker is in vain");
    expected.sort();
    assert_eq!(entries(&app).await, expected);
}

#[tokio::test]
async fn a_request_is_one_write_and_an_access_is_one_write_an_hour() {
    let app = TestApp::builder().without_rates().spawn().await;
    let list = a_hundred_patients(&app).await;
    let shown = patients_of(&app.get(&list).send().await.expect(200).json());
    let patient = format!("/v1/patients/{}", shown.first().unwrap());
    let written = async || {
        app.settle().await;
        let calls = app.wire.take_accesses().into_iter();
        calls.map(|call| call.capacity).collect::<Vec<_>>()
    };
    // The earlier design wrote an item per patient and minute: 100 writes for the first list, 1,100 for all.
    let first = written().await;
    for _ in 0..10 {
        app.clock.advance(SignedDuration::from_mins(1));
        app.get(&list).send().await.expect(200);
    }
    assert_eq!(written().await, [0.0; 0], "within the hour the process knows all of them");
    app.get(&patient).send().await.expect(200);
    let single = written().await;
    app.get(&list.replace("100", "50")).send().await.expect(200);
    assert_eq!(written().await.len(), 0);
    caller(&app, "ben").get(&list.replace("100", "50")).send().await.expect(200);
    let half = written().await;
    assert_eq!((first.len(), single.len(), half.len()), (1, 1, 1), "one item for each request");
    if external_endpoint().is_none() {
        assert_eq!((first[0], single[0], half[0]), (4.0, 1.0, 2.0));
    }
    // Another replica has no memory of it, and the worker does not write an entry twice.
    TestApp::builder().without_rates().replica_of(&app).get(&list).send().await.expect(200);
    app.settle().await;
    app.wire.forget();
    app.process_changes().await;
    assert_eq!(puts_of_entries(&app.wire.take_calls()), 100 + 1 + 50);
    assert_eq!(entries(&app).await.len(), 100 + 1 + 50);
}

#[tokio::test]
async fn without_space_nothing_of_a_patient_is_shown_and_nothing_else_is_refused() {
    // A request that shows one patient takes 11 of it.
    let limits = RequestLimits { unrecorded_accesses: 25, ..RequestLimits::default() };
    let app = TestApp::builder().limits(limits).spawn().await;
    let clinic = app.ready_clinic().await;
    app.booked(&clinic, "2035-01-16T09:00:00").await;
    let mut patients = Vec::new();
    for _ in 0..4 {
        patients.push(format!("/v1/patients/{}", app.patient().await));
    }
    app.get(&patients[0]).send().await.expect(200);
    app.settle().await;
    app.wire.hold_accesses(true);
    for patient in &patients[1..3] {
        app.get(patient).send().await.expect(200);
    }
    for path in [
        patients[3].clone(),
        format!("{}/accesses", patients[3]),
        format!("{}/export", patients[3]),
        format!("{}/appointments", clinic.path),
        format!("{}/overview", clinic.path),
        format!("{}/day/2035-01-16", clinic.path),
    ] {
        let refused = app.get(&path).send().await;
        assert_eq!(refused.header("retry-after"), "1");
        let problem = refused.problem(503, "access_log_full").to_string();
        assert!(!problem.contains("PAT-") && !problem.contains("Ida"), "{problem}");
    }
    for path in [
        clinic.path.clone(),
        format!("{}/staff", clinic.path),
        format!("{}/day/2035-02-01", clinic.path),
        // Accesses that are recorded already take no space.
        patients[0].clone(),
    ] {
        app.get(&path).send().await.expect(200);
    }
    app.booked(&clinic, "2035-01-16T10:00:00").await;
    app.wire.hold_accesses(false);
    app.settle().await;
    app.get(&patients[3]).send().await.expect(200);
    app.settle().await;
    app.process_changes().await;
    let recorded = entries(&app).await.into_iter().map(|[_, operation, _, patient]| {
        assert_eq!(operation, "get_patient");
        format!("/v1/patients/{patient}")
    });
    let recorded: BTreeSet<_> = recorded.collect();
    assert_eq!(recorded, patients.into_iter().collect());
}

/// Whenever a worker is killed, the next one writes the missing entries and nothing else.
#[tokio::test]
async fn a_worker_that_is_killed_between_two_entries_loses_none_and_repeats_none() {
    let app = TestApp::builder().without_rates().spawn().await;
    let list = a_hundred_patients(&app).await;
    for subject in ["anna", "ben"] {
        caller(&app, subject).get(&list).send().await.expect(200);
    }
    app.settle().await;
    for writes in [0, 3, 16, 77, 150] {
        let (arrived, _go_on) = app.wire.pause_after(writes, "PutItem");
        let (processor, changes) = (app.processor(), app.changes().await);
        let worker = tokio::spawn(async move { processor.process_all(&changes).await });
        arrived.await.unwrap();
        worker.abort();
        assert!(worker.await.unwrap_err().is_cancelled());
    }
    app.process_changes().await;
    let all = entries(&app).await;
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 200);
    assert_eq!(all.len(), 200);
}

/// Entries that the table refuses are written later. An access request that TTL has deleted is skipped.
#[tokio::test]
async fn what_is_refused_is_tried_again_and_what_expires_is_passed_over() {
    let app = TestApp::spawn().await;
    let patient = app.patient().await;
    app.get(&format!("/v1/patients/{patient}")).send().await.expect(200);
    app.settle().await;
    let changes = app.changes().await;
    let of_request = |change: &&ChangeRecord| {
        let new = change.new.as_ref().unwrap();
        new["type"].as_s().unwrap() == "access_request"
    };
    let shown = changes.iter().find(of_request).unwrap().clone();
    let mut processor = app.processor();
    let process = async |processor: &Processor, change: &ChangeRecord| {
        let outcomes = processor.process_all(std::slice::from_ref(change)).await;
        outcomes.into_iter().next().unwrap()
    };
    // The entry, and then the item that defers it.
    app.wire.disturb_times(6, "PutItem", Fault::Throttled);
    assert!(process(&processor, &shown).await.unwrap_err().is_transient());
    assert_eq!(entries(&app).await.len(), 0);
    // The first one would defer it.
    processor = app.processor();
    assert!(process(&processor, &shown).await.unwrap(), "it is new");
    assert!(!process(&processor, &shown).await.unwrap(), "it is known");
    assert_eq!(entries(&app).await.len(), 1);
    let expired = ChangeRecord { old: shown.new.clone(), new: None, ..shown };
    app.wire.forget();
    assert!(!process(&processor, &expired).await.unwrap());
    assert_eq!(app.wire.take_calls(), []);
}

#[tokio::test]
async fn a_write_whose_reply_is_lost_is_repeated_until_it_is_known() {
    let app = TestApp::spawn().await;
    let patient = app.patient().await;
    // As often as the store tries a write, and once more.
    app.wire.lose_accesses(4);
    app.get(&format!("/v1/patients/{patient}")).send().await.expect(200);
    app.settle().await;
    assert_eq!(app.wire.take_accesses().len(), 1);
    app.process_changes().await;
    assert_eq!(entries(&app).await.len(), 1);
}

/// A write that changes nothing, and a replay, show data like a read.
#[tokio::test]
async fn what_a_request_shows_without_a_write_of_its_own_is_recorded() {
    let app = TestApp::spawn().await;
    let (clinic, appointment) = app.clinic_with_booking().await;
    let desk = caller(&app, "desk");
    let patient = format!("/v1/patients/{}", clinic.patient);
    let confirm = || desk.post(&format!("{appointment}/status")).idempotent("one");
    let confirm = || confirm().json(&json!({ "status": "confirmed" }));
    for change in [
        desk.patch(&patient).json(&json!({ "phones": [{ "value": "+41445551234" }] })),
        desk.patch(&appointment).json(&json!({ "notes": "brings the X-ray" })),
        confirm(),
    ] {
        change.send().await.expect(200);
    }
    app.process_changes().await;
    assert_eq!(entries(&app).await, [[""; 4]; 0], "the audit log has these");
    for nothing in [
        desk.patch(&patient).json(&json!({})),
        desk.patch(&appointment).json(&json!({})),
        desk.post(&format!("{appointment}/reschedule")).json(&json!({})),
        confirm(),
    ] {
        nothing.send().await.expect(200);
    }
    app.settle().await;
    app.process_changes().await;
    let operations: Vec<_> =
        entries(&app).await.into_iter().map(|[_, operation, ..]| operation).collect();
    let expected = [
        "change_appointment_status",
        "reschedule_appointment",
        "update_appointment",
        "update_patient",
    ];
    assert_eq!(operations, expected);
}
