//! Behaviour of AWS that local engines do not show: conflicts, throttling, unprocessed keys, stale reads, lost replies.

mod deletions;
mod lost_replies;
mod merges;
mod throttling;

use serde_json::json;

use crate::support::{Call, ClinicMade, Fault, TestApp, booking, eventually};

const START: &str = "2035-01-16T09:00:00";

/// Every request that writes, with the operation of its decisive write.
struct Writes {
    app: TestApp,
    clinic: ClinicMade,
    appointment: String,
}

impl Writes {
    async fn new() -> Self {
        let app = TestApp::spawn().await;
        let clinic = app.ready_clinic().await;
        let appointment = app.booked(&clinic, START).await;
        Self { app, clinic, appointment }
    }

    fn all(&self) -> Vec<(&'static str, Call, u16)> {
        let Self { app, clinic, appointment } = self;
        let (path, staff) = (&clinic.path, format!("{}/staff/{}", clinic.path, clinic.staff));
        let patient = format!("/v1/patients/{}", clinic.patient);
        let later = booking(&clinic.staff, &clinic.patient, "2035-01-17T09:00:00", 30);
        let new_staff = json!({ "name": "N", "role": "nurse" });
        vec![
            (
                "PutItem",
                app.post("/v1/clinics").json(&json!({ "name": "N", "time_zone": "UTC" })),
                201,
            ),
            ("TransactWriteItems", app.post(&format!("{path}/staff")).json(&new_staff), 201),
            ("TransactWriteItems", app.post("/v1/patients").json(&json!({ "name": "N" })), 201),
            (
                "TransactWriteItems",
                app.post("/v1/patients").json(&json!({ "name": "N", "mrn": "M" })),
                201,
            ),
            ("PutItem", app.patch(path).json(&json!({ "name": "P" })), 200),
            ("PutItem", app.patch(&staff).json(&json!({ "name": "P" })), 200),
            ("TransactWriteItems", app.patch(&patient).json(&json!({ "mrn": "P" })), 200),
            ("PutItem", app.patch(appointment).json(&json!({ "notes": "P" })), 200),
            (
                "PutItem",
                app.post(&format!("{appointment}/status")).json(&json!({ "status": "confirmed" })),
                200,
            ),
            ("TransactWriteItems", app.post(&format!("{path}/appointments")).json(&later), 201),
            ("TransactWriteItems", app.post(&format!("{appointment}/cancel")), 200),
            ("TransactWriteItems", app.delete(appointment), 204),
        ]
    }
}

/// The number of items in the table, without those that vary from run to run.
async fn size(app: &TestApp) -> usize {
    app.all_items().await.len()
}

#[tokio::test]
async fn keys_left_unprocessed_are_asked_for_again() {
    let app = TestApp::spawn().await;
    let mut clinic = app.ready_clinic().await;
    app.booked(&clinic, START).await;
    // If missing sheets were taken for empty ones, this booking would overlap the first.
    app.wire.disturb_times(2, "BatchGetItem", Fault::Unprocessed);
    app.book(&clinic, START, 30).await.problem(409, "staff_busy");
    assert_eq!(app.wire.waiting(), 0);
    clinic.patient = app.patient().await;
    app.wire.disturb_times(2, "BatchGetItem", Fault::Unprocessed);
    app.book(&clinic, "2035-01-16T10:00:00", 30).await.expect(201);
    app.check_day_sheets().await;
}

/// Eventually consistent reads may return nothing yet. No write may depend on one; `Stale` asserts that.
#[tokio::test]
async fn stale_reads_decide_no_write() {
    let writes = Writes::new().await;
    for (_, call, status) in writes.all() {
        writes.app.wire.forget();
        call.send().await.expect(status);
        for call in writes.app.wire.take_calls() {
            let decides = ["GetItem", "Query"].contains(&call.operation.as_str());
            assert!(!decides || call.request["ConsistentRead"] == true, "{call:?}");
            if call.operation == "BatchGetItem" {
                let tables = call.request["RequestItems"].as_object().unwrap();
                assert!(tables.values().all(|table| table["ConsistentRead"] == true));
            }
        }
    }
}

#[tokio::test]
async fn a_stale_read_of_what_was_just_made_is_404_and_a_consistent_one_finds_it() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let appointment = app.booked(&clinic, START).await;
    app.wire.disturb("GetItem", Fault::Stale);
    app.get(&clinic.path).send().await.problem(404, "not_found");
    app.get(&format!("{}?consistent=true", clinic.path)).send().await.expect(200);
    // A lagging index causes an empty list, never a 404 of an existing patient or clinic.
    app.wire.disturb("Query", Fault::Stale);
    let listed = app.get(&format!("/v1/patients/{}/appointments", clinic.patient)).send().await;
    assert_eq!(listed.expect(200).json()["items"], json!([]));
    app.wire.disturb("Query", Fault::Stale);
    let listed = app.get(&format!("{}/appointments", clinic.path)).send().await.expect(200);
    assert_eq!(listed.json()["items"], json!([]));
    app.get(&appointment).send().await.expect(200);
}

#[tokio::test]
async fn an_engine_that_can_not_be_reached_is_told() {
    let app = TestApp::spawn().await;
    let clinic = app.clinic().await;
    for fault in [Fault::Unreachable, Fault::ServerError, Fault::BadGateway] {
        app.wire.disturb_times(3, "GetItem", fault);
        let refused = app.get(&clinic).send().await;
        assert_eq!(refused.header("retry-after"), "1");
        refused.problem(503, "store_unreachable");
        app.get(&clinic).send().await.expect(200);
    }
}

#[tokio::test]
async fn what_nobody_foresaw_is_a_plain_500() {
    let app = TestApp::spawn().await;
    let clinic = app.clinic().await;
    app.wire.disturb("GetItem", Fault::Unforeseen);
    let problem = app.get(&clinic).send().await.problem(500, "internal_error");
    assert!(!problem.to_string().contains("AccessDenied"), "{problem}");
}

/// Many faults in many concurrent requests: the sheets are right, whatever the responses are.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_disturbances_leaves_the_sheets_right() {
    let app = TestApp::builder().for_many().spawn().await;
    let clinic = app.ready_clinic().await;
    let mut patients = Vec::new();
    for _ in 0..60 {
        patients.push(app.patient().await);
    }
    for _ in 0..12 {
        let faults =
            [Fault::LostReply, Fault::Conflict, Fault::LostReplyAndToken, Fault::ThrottledInside];
        for fault in faults {
            app.wire.disturb("TransactWriteItems", fault);
        }
        app.wire.disturb("BatchGetItem", Fault::Unprocessed);
    }
    let calls = patients.iter().enumerate().map(|(at, patient)| {
        let start = format!("2035-01-16T{:02}:{:02}:00", 8 + at % 20 / 4, at % 4 * 15);
        let body = booking(&clinic.staff, patient, &start, 15);
        let call = app.post(&format!("{}/appointments", clinic.path)).json(&body);
        if at % 3 == 0 { call.idempotent(&format!("k{at}")) } else { call }
    });
    let calls: Vec<_> = calls.collect();
    let sent = calls.iter().map(|call| tokio::spawn(call.clone().send()));
    let mut answers: Vec<_> =
        futures_util::future::join_all(sent).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(app.wire.waiting(), 0, "every disturbance happened");
    let with = |status: u16| answers.iter().filter(move |answer| answer.status == status);
    assert_eq!(with(201).count() + with(409).count() + with(503).count(), answers.len());
    // Requests that exhausted their retry budgets are sent again, one after the other.
    for (call, answer) in calls.into_iter().zip(&mut answers) {
        if answer.status == 503 {
            *answer = eventually("it is told what became of it", async || {
                Some(call.clone().send().await).filter(|answer| answer.status != 503)
            })
            .await;
        }
    }
    let with = |status: u16| answers.iter().filter(move |answer| answer.status == status);
    assert_eq!(with(201).count() + with(409).count(), answers.len());
    assert_eq!(app.all_appointments().await.len(), 20, "every slot is taken, and once");
    for booked in with(201) {
        let read = app.get(&booked.location()).send().await.expect(200);
        assert_eq!(read.json(), booked.json(), "acknowledged, so it is there");
    }
    app.check_day_sheets().await;
    for booked in with(201) {
        app.post(&format!("{}/cancel", booked.location())).send().await.expect(200);
    }
    app.check_day_sheets().await;
}

#[tokio::test]
async fn a_remembered_time_zone_is_its_own_organisations_alone() {
    use clinic_api::{records::clinics::directory::ClinicDirectory, store::StoreError};
    let app = TestApp::spawn().await;
    let path = app.clinic().await;
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    let directory = ClinicDirectory::new(app.store.clone());
    let (own, other) = ("ORG-DEMO".parse().unwrap(), "ORG-OTHER".parse().unwrap());
    assert!(matches!(directory.zone(&other, &id).await, Err(StoreError::NotFound)));
    assert_eq!(directory.zone(&own, &id).await.unwrap().name(), "Europe/Zurich");
    assert!(matches!(directory.zone(&other, &id).await, Err(StoreError::NotFound)));
}
