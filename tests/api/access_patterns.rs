//! What each request costs: its DynamoDB calls and their capacity, by hand, against what is measured.
//!
//! The capacity is compared on the embedded engine alone, whose figures follow AWS's; DynamoDB Local counts the
//! index differently. The calls are compared on every engine. `docs/access-patterns.md` shows the table.

use serde_json::json;

use crate::support::{Call, ClinicMade, Held, TestApp, app::external_endpoint, booking};

/// Asserts what a request costs, and that it succeeds.
pub async fn costs(app: &TestApp, call: Call, expected: &[(&str, f64)]) -> crate::support::Answer {
    app.wire.forget();
    let answer = call.send().await;
    assert!(answer.status.is_success(), "{answer:?}");
    // What is read at once comes in any order.
    let mut calls = app.wire.take_calls();
    calls.sort_by(|a, b| a.operation.cmp(&b.operation).then(a.capacity.total_cmp(&b.capacity)));
    let mut expected = expected.to_vec();
    expected.sort_by(|a, b| a.0.cmp(b.0).then(a.1.total_cmp(&b.1)));
    let operations: Vec<_> = calls.iter().map(|call| call.operation.as_str()).collect();
    let expected_operations: Vec<_> = expected.iter().map(|(operation, _)| *operation).collect();
    assert_eq!(operations, expected_operations);
    if external_endpoint().is_none() {
        let capacity: Vec<_> = calls.iter().map(|call| call.capacity).collect();
        let expected_capacity: Vec<_> = expected.iter().map(|(_, capacity)| *capacity).collect();
        assert_eq!(capacity, expected_capacity, "{operations:?}");
    }
    answer
}

async fn clinic_with_booking(app: &TestApp) -> (ClinicMade, String) {
    let clinic = app.ready_clinic().await;
    let path = app.booked(&clinic, "2035-01-16T09:00:00").await;
    (clinic, path)
}

#[tokio::test]
async fn reads_of_one_record_cost_one_get_item() {
    let app = TestApp::spawn().await;
    let (clinic, appointment) = clinic_with_booking(&app).await;
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    let patient = format!("/v1/patients/{}", clinic.patient);
    let resource = format!("{}/resources/{}", clinic.path, app.resource(&clinic.path).await);
    let visit_type = format!("{}/visit-types/{}", clinic.path, app.visit_type(&clinic.path).await);
    let exception = app.closed(&clinic.path, "2035-02-01", "2035-02-01").await;
    let exception = format!("{}/exceptions/{exception}", clinic.path);
    let clinics = [&clinic.path, &resource, &visit_type, &exception];
    for path in [&staff, &patient, &appointment].into_iter().chain(clinics) {
        costs(&app, app.get(path), &[("GetItem", 0.5)]).await;
        costs(&app, app.get(&format!("{path}?consistent=true")), &[("GetItem", 1.0)]).await;
    }
}

#[tokio::test]
async fn a_patient_by_record_number_costs_two_get_items() {
    let app = TestApp::spawn().await;
    let patient = json!({ "name": "Ida", "mrn": "A-1" });
    app.post("/v1/patients").json(&patient).send().await.expect(201);
    let found =
        costs(&app, app.get("/v1/patients?mrn=A-1"), &[("GetItem", 0.5), ("GetItem", 0.5)]).await;
    assert_eq!(found.json()["items"].as_array().unwrap().len(), 1);
    costs(&app, app.get("/v1/patients?mrn=A-2"), &[("GetItem", 0.5)]).await;
}

#[tokio::test]
async fn lists_cost_one_query() {
    let app = TestApp::spawn().await;
    let (clinic, _) = clinic_with_booking(&app).await;
    let appointments = format!("{}/appointments", clinic.path);
    let lists = [
        "/v1/clinics".to_owned(),
        format!("{}/overview", clinic.path),
        format!("{}/staff", clinic.path),
        appointments.clone(),
        format!("{appointments}?date=2035-01-16"),
        format!("{appointments}?month=2035-01"),
        format!("{appointments}?from=2035-01-01&to=2035-01-31"),
        format!("{appointments}?month=2035-01&staff_id={}", clinic.staff),
        format!("{appointments}?status=scheduled"),
        format!("/v1/patients/{}/appointments", clinic.patient),
        format!("/v1/patients/{}/accesses", clinic.patient),
        format!("/v1/patients/{}/appointments?from=2035-01-16&to=2035-01-16", clinic.patient),
    ];
    app.get(&format!("/v1/patients/{}", clinic.patient)).send().await.expect(200);
    app.settle().await;
    for path in lists {
        costs(&app, app.get(&path), &[("Query", 0.5)]).await;
    }
    let export = format!("/v1/patients/{}/export", clinic.patient);
    app.settle().await;
    costs(&app, app.get(&export), &[("GetItem", 1.0), ("Query", 0.5), ("Query", 1.0)]).await;
    // The exceptions of a clinic that is gone stay, so this list always asks.
    app.closed(&clinic.path, "2035-02-01", "2035-02-01").await;
    let exceptions = format!("{}/exceptions?from=2035-01-01&to=2035-12-31", clinic.path);
    costs(&app, app.get(&exceptions), &[("Query", 0.5), ("GetItem", 1.0)]).await;
    for (path, made) in [
        ("resources", app.resource(&clinic.path).await),
        ("visit-types", app.visit_type(&clinic.path).await),
    ] {
        let list = costs(&app, app.get(&format!("{}/{path}", clinic.path)), &[("Query", 0.5)]);
        assert_eq!(list.await.json()["items"][0]["id"], made);
    }
    // An empty list asks whether there is such a clinic.
    let empty = format!("{appointments}?date=2035-01-17");
    costs(&app, app.get(&empty), &[("Query", 0.5), ("GetItem", 1.0)]).await;
}

#[tokio::test]
async fn making_a_record_costs_one_write() {
    let app = TestApp::spawn().await;
    let clinic = json!({ "name": "A", "time_zone": "UTC" });
    let made = costs(&app, app.post("/v1/clinics").json(&clinic), &[("PutItem", 2.0)]).await;
    let keyed = app.post("/v1/clinics").json(&clinic).idempotent("k");
    costs(&app, keyed.clone(), &[("TransactWriteItems", 5.0)]).await;
    // A replay: the transaction is refused, and the refusal brings the answer.
    app.wire.forget();
    keyed.send().await.expect(201);
    assert_eq!(app.wire.take_calls().len(), 1);
    let staff = json!({ "name": "A", "role": "nurse" });
    let staff = app.post(&format!("{}/staff", made.location())).json(&staff);
    costs(&app, staff, &[("TransactWriteItems", 4.0)]).await;
    // What belongs to a clinic checks that it is there, and leave that there is such a staff member.
    let staff = app.staff_member(&made.location()).await;
    let path = |what: &str| format!("{}/{what}", made.location());
    let closed = |staff: Option<&str>| {
        json!({
            "staff_id": staff, "first_date": "2035-02-01", "last_date": "2035-02-01",
            "effect": "closed"
        })
    };
    let room = json!({ "name": "A", "kind": "room" });
    let visit_type = json!({ "name": "A", "duration_minutes": 20 });
    for (what, body, cost) in [("resources", room, 4.0), ("visit-types", visit_type, 4.0)] {
        costs(&app, app.post(&path(what)).json(&body), &[("TransactWriteItems", cost)]).await;
    }
    // Today, as the clinic's wall has it, needs its time zone once.
    let first = [("GetItem", 1.0), ("TransactWriteItems", 4.0)];
    costs(&app, app.post(&path("exceptions")).json(&closed(None)), &first).await;
    let leave = app.post(&path("exceptions")).json(&closed(Some(&staff)));
    costs(&app, leave, &[("TransactWriteItems", 6.0)]).await;
    let patient = json!({ "name": "A" });
    costs(&app, app.post("/v1/patients").json(&patient), &[("PutItem", 2.0)]).await;
    let patient = json!({ "name": "A", "mrn": "A-1" });
    costs(&app, app.post("/v1/patients").json(&patient), &[("TransactWriteItems", 5.0)]).await;
}

#[tokio::test]
async fn a_booking_costs_one_round_of_reads_and_one_transaction() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = format!("{}/appointments", clinic.path);
    let book =
        |start: &str| app.post(&path).json(&booking(&clinic.staff, &clinic.patient, start, 30));
    // The first one learns the clinic's time zone, which never changes.
    let exceptions = ("Query", 1.0);
    let first = [("GetItem", 1.0), ("BatchGetItem", 5.0), exceptions, ("TransactWriteItems", 11.0)];
    costs(&app, book("2035-01-16T09:00:00"), &first).await;
    let again = [("BatchGetItem", 5.0), exceptions, ("TransactWriteItems", 11.0)];
    costs(&app, book("2035-01-16T10:00:00"), &again).await;
    let keyed = [("BatchGetItem", 6.0), exceptions, ("TransactWriteItems", 13.0)];
    costs(&app, book("2035-01-16T11:00:00").idempotent("k"), &keyed).await;
    // Over UTC midnight: one sheet more of each.
    let midnight = [("BatchGetItem", 7.0), exceptions, ("TransactWriteItems", 15.0)];
    costs(&app, book("2035-01-16T23:45:00Z"), &midnight).await;
    // A room: itself and its sheet. A type of visit: itself, before all else.
    let mut with_room = booking(&clinic.staff, &clinic.patient, "2035-01-16T12:00:00", 30);
    with_room["resource_ids"] = json!([app.resource(&clinic.path).await]);
    let room = [("BatchGetItem", 7.0), exceptions, ("TransactWriteItems", 15.0)];
    costs(&app, app.post(&path).json(&with_room), &room).await;
    let mut of_type = booking(&clinic.staff, &clinic.patient, "2035-01-16T13:00:00", 30);
    of_type.as_object_mut().unwrap().remove("duration_minutes");
    of_type["visit_type_id"] = json!(app.visit_type(&clinic.path).await);
    let typed = [("GetItem", 1.0), ("BatchGetItem", 5.0), exceptions, ("TransactWriteItems", 11.0)];
    costs(&app, app.post(&path).json(&of_type), &typed).await;
    // At whatever hour: no exceptions are read.
    let mut any_hours = booking(&clinic.staff, &clinic.patient, "2035-01-16T14:00:00", 30);
    any_hours["overrides"] = json!({ "any_hours": true, "reason": "emergency" });
    let unread = [("BatchGetItem", 5.0), ("TransactWriteItems", 11.0)];
    costs(&app, app.post(&path).json(&any_hours), &unread).await;
    // A refused one costs the reads alone.
    refused(&app, book("2035-01-16T09:00:00"), "staff_busy", &["BatchGetItem", "Query"]).await;
}

/// Asserts what a refusal with 409 costs.
async fn refused(app: &TestApp, call: Call, code: &str, expected: &[&str]) {
    app.wire.forget();
    call.send().await.problem(409, code);
    let mut calls: Vec<_> = app.wire.take_calls().into_iter().map(|call| call.operation).collect();
    calls.sort();
    assert_eq!(calls, expected);
}

#[tokio::test]
async fn holding_costs_what_booking_does_and_confirming_and_releasing_one_read_more() {
    let app = TestApp::spawn().await;
    let (clinic, _) = clinic_with_booking(&app).await;
    let hold = |start: &str| {
        let body = json!({ "staff_id": clinic.staff, "start": start, "duration_minutes": 30 });
        app.post(&format!("{}/holds", clinic.path)).json(&body)
    };
    // Without a patient: neither their record, nor their sheet, nor the index.
    let held = [("BatchGetItem", 3.0), ("Query", 1.0), ("TransactWriteItems", 6.0)];
    let first = Held::of(&costs(&app, hold("2035-01-16T10:00:00"), &held).await);
    let confirm = app
        .post(&format!("{}/confirm", first.path))
        .json(&json!({ "hold_secret": first.secret, "patient_id": clinic.patient }));
    let confirmed = [("GetItem", 1.0), ("BatchGetItem", 5.0), ("TransactWriteItems", 11.0)];
    costs(&app, confirm, &confirmed).await;
    let second = Held::of(&costs(&app, hold("2035-01-16T11:00:00"), &held).await);
    let release = app
        .post(&format!("{}/release", second.path))
        .json(&json!({ "hold_secret": second.secret }));
    costs(&app, release, &[("GetItem", 1.0), ("TransactWriteItems", 4.0)]).await;
    // Two holds that are over stand in the way: they are read, and ended in the same transaction.
    for start in ["2035-01-16T12:00:00", "2035-01-16T12:30:00"] {
        costs(&app, hold(start), &held).await;
    }
    app.clock.advance(jiff::SignedDuration::from_mins(11));
    let over = booking(&clinic.staff, &clinic.patient, "2035-01-16T12:00:00", 60);
    let over = app.post(&format!("{}/appointments", clinic.path)).json(&over);
    let taken = [
        ("BatchGetItem", 5.0),
        ("Query", 1.0),
        ("BatchGetItem", 2.0),
        ("TransactWriteItems", 15.0),
    ];
    costs(&app, over, &taken).await;
    app.check_day_sheets().await;
}

#[tokio::test]
async fn moving_costs_one_read_more_than_booking() {
    let app = TestApp::spawn().await;
    let (clinic, path) = clinic_with_booking(&app).await;
    let to = |start: &str| app.post(&format!("{path}/reschedule")).json(&json!({ "start": start }));
    let reads = [("GetItem", 1.0), ("BatchGetItem", 5.0), ("Query", 1.0)];
    let with = |written: f64| [&reads[..], &[("TransactWriteItems", written)]].concat();
    // The same UTC day: the sheets are as many as they were.
    costs(&app, to("2035-01-16T09:10:00"), &with(11.0)).await;
    // It is there already: nothing is written but the key.
    let stays = to("2035-01-16T09:10:00");
    costs(&app, stays.clone(), &[("GetItem", 1.0)]).await;
    let remembered = [("GetItem", 1.0), ("TransactWriteItems", 4.0)];
    costs(&app, stays.idempotent("k"), &remembered).await;
    // Another day: two sheets to leave, the old item with its index entry, and the pointer.
    costs(&app, to("2035-01-17T09:00:00"), &with(20.0)).await;
    // It is now found by its pointer.
    let moved = app.booked(&clinic, "2035-01-16T09:00:00").await;
    assert_ne!(moved, path);
    costs(&app, app.get(&path), &[("GetItem", 0.5), ("GetItem", 1.0), ("GetItem", 1.0)]).await;
    let taken =
        app.post(&format!("{moved}/reschedule")).json(&json!({ "start": "2035-01-17T09:10:00" }));
    // The appointment is read once more: had it changed, the move would be tried anew.
    let calls = ["BatchGetItem", "GetItem", "GetItem", "Query"];
    refused(&app, taken, "staff_busy", &calls).await;
}

#[tokio::test]
async fn free_times_cost_three_queries_at_once_and_days_four() {
    let app = TestApp::spawn().await;
    let (clinic, _) = clinic_with_booking(&app).await;
    for _ in 0..3 {
        app.staff_member(&clinic.path).await;
    }
    let free = format!("{}/availability?duration_minutes=30", clinic.path);
    let queries = [("Query", 0.5), ("Query", 0.5), ("Query", 0.5)];
    for range in ["", "&from=2035-01-16&to=2035-01-16", "&from=2035-01-16&to=2035-02-15"] {
        costs(&app, app.get(&format!("{free}{range}")), &queries).await;
    }
    let next = format!("{free}&from=2035-01-16&limit=3");
    costs(&app, app.get(&next), &queries).await;
    let queries = [("Query", 0.5); 4];
    costs(&app, app.get(&format!("{}/day/2035-01-16", clinic.path)), &queries).await;
}

#[tokio::test]
async fn a_step_of_the_status_life_costs_one_update() {
    let app = TestApp::spawn().await;
    let (_, path) = clinic_with_booking(&app).await;
    let step =
        |status: &str| app.post(&format!("{path}/status")).json(&json!({ "status": status }));
    costs(&app, step("confirmed"), &[("UpdateItem", 2.0)]).await;
    costs(&app, step("checked_in"), &[("UpdateItem", 2.0)]).await;
    costs(
        &app,
        step("completed").idempotent("k"),
        &[("GetItem", 1.0), ("TransactWriteItems", 5.0)],
    )
    .await;
}

#[tokio::test]
async fn cancelling_and_deleting_cost_one_read_and_one_transaction() {
    let app = TestApp::spawn().await;
    let (clinic, path) = clinic_with_booking(&app).await;
    let cancel = [("GetItem", 1.0), ("TransactWriteItems", 7.0)];
    costs(&app, app.post(&format!("{path}/cancel")), &cancel).await;
    let delete = [("GetItem", 1.0), ("TransactWriteItems", 5.0)];
    costs(&app, app.delete(&path), &delete).await;
    let booked = app.booked(&clinic, "2035-01-16T09:00:00").await;
    let delete = [("GetItem", 1.0), ("TransactWriteItems", 9.0)];
    costs(&app, app.delete(&booked), &delete).await;
}

#[tokio::test]
async fn changing_a_record_costs_one_read_and_one_write() {
    let app = TestApp::spawn().await;
    let (clinic, appointment) = clinic_with_booking(&app).await;
    let name = json!({ "name": "B" });
    costs(&app, app.patch(&clinic.path).json(&name), &[("GetItem", 1.0), ("PutItem", 2.0)]).await;
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    costs(&app, app.patch(&staff).json(&name), &[("GetItem", 1.0), ("PutItem", 1.0)]).await;
    let patient = format!("/v1/patients/{}", clinic.patient);
    costs(&app, app.patch(&patient).json(&name), &[("GetItem", 1.0), ("PutItem", 2.0)]).await;
    let notes = json!({ "notes": "N" });
    costs(&app, app.patch(&appointment).json(&notes), &[("GetItem", 1.0), ("PutItem", 2.0)]).await;
    let mrn = json!({ "mrn": "A-1" });
    let moved = [("GetItem", 1.0), ("TransactWriteItems", 5.0)];
    costs(&app, app.patch(&patient).json(&mrn), &moved).await;
}

#[tokio::test]
async fn deleting_marks_looks_and_deletes() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let guarded = |looks: usize, mark: f64, delete: f64| {
        let look = vec![("Query", 1.0); looks];
        let read = vec![("GetItem", 1.0)];
        [read, look.clone(), vec![("UpdateItem", mark)], look, vec![("DeleteItem", delete)]]
            .concat()
    };
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    costs(&app, app.delete(&staff), &guarded(1, 1.0, 1.0)).await;
    let resource = format!("{}/resources/{}", clinic.path, app.resource(&clinic.path).await);
    costs(&app, app.delete(&resource), &guarded(1, 1.0, 1.0)).await;
    let visit_type = format!("{}/visit-types/{}", clinic.path, app.visit_type(&clinic.path).await);
    costs(&app, app.delete(&visit_type), &guarded(0, 1.0, 1.0)).await;
    let exception = app.closed(&clinic.path, "2035-02-01", "2035-02-01").await;
    let exception = format!("{}/exceptions/{exception}", clinic.path);
    costs(&app, app.delete(&exception), &guarded(0, 1.0, 1.0)).await;
    costs(&app, app.delete(&clinic.path), &guarded(2, 2.0, 2.0)).await;
    let patient = format!("/v1/patients/{}", clinic.patient);
    costs(&app, app.delete(&patient), &guarded(1, 2.0, 2.0)).await;
}

#[tokio::test]
async fn deleting_a_patient_with_a_record_number_frees_it_in_a_transaction() {
    let app = TestApp::spawn().await;
    let patient = json!({ "name": "Ida", "mrn": "A-1" });
    let path = app.post("/v1/patients").json(&patient).send().await.expect(201).location();
    let expected = [
        ("GetItem", 1.0),
        ("Query", 1.0),
        ("UpdateItem", 2.0),
        ("Query", 1.0),
        ("TransactWriteItems", 5.0),
    ];
    costs(&app, app.delete(&path), &expected).await;
}

/// No operation of the service is a Scan, in the code and so on the wire. Only operators scan, by commands that no
/// request reaches.
#[test]
fn nothing_scans() {
    fn sources(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    sources(std::path::Path::new("src"), &mut found);
    assert!(found.len() > 40);
    for path in found {
        let text = std::fs::read_to_string(&path).unwrap();
        // The embedded engine is DynamoDB here: it does what it is asked for.
        let engine = path.ends_with("store/embedded/in_process.rs");
        let scans = path.ends_with("store/scan.rs") || engine;
        assert_eq!(text.contains(".scan("), scans, "{}", path.display());
    }
}
