//! What each request costs: its DynamoDB calls and their capacity, by hand, against what is measured.
//!
//! The capacity is compared on the embedded engine alone, whose figures follow AWS's; DynamoDB Local counts the
//! index differently. The calls are compared on every engine. `docs/access-patterns.md` shows the table.

use serde_json::json;

use crate::support::{Call, ClinicMade, TestApp, app::external_endpoint, booking};

/// Asserts what a request costs, and that it succeeds.
async fn costs(app: &TestApp, call: Call, expected: &[(&str, f64)]) -> crate::support::Answer {
    app.wire.forget();
    let answer = call.send().await;
    assert!(answer.status.is_success(), "{answer:?}");
    let calls = app.wire.take_calls();
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
    for path in [&clinic.path, &staff, &patient, &appointment] {
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
    let patient = json!({ "name": "A" });
    costs(&app, app.post("/v1/patients").json(&patient), &[("PutItem", 2.0)]).await;
    let patient = json!({ "name": "A", "mrn": "A-1" });
    costs(&app, app.post("/v1/patients").json(&patient), &[("TransactWriteItems", 5.0)]).await;
}

#[tokio::test]
async fn a_booking_costs_one_batch_get_item_and_one_transaction() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let path = format!("{}/appointments", clinic.path);
    let book =
        |start: &str| app.post(&path).json(&booking(&clinic.staff, &clinic.patient, start, 30));
    // The first one learns the clinic's time zone, which never changes.
    let first = [("GetItem", 1.0), ("BatchGetItem", 4.0), ("TransactWriteItems", 11.0)];
    costs(&app, book("2035-01-16T09:00:00"), &first).await;
    let again = [("BatchGetItem", 4.0), ("TransactWriteItems", 11.0)];
    costs(&app, book("2035-01-16T10:00:00"), &again).await;
    let keyed = [("BatchGetItem", 5.0), ("TransactWriteItems", 13.0)];
    costs(&app, book("2035-01-16T11:00:00").idempotent("k"), &keyed).await;
    // Over UTC midnight: one sheet more of each.
    let midnight = [("BatchGetItem", 6.0), ("TransactWriteItems", 15.0)];
    costs(&app, book("2035-01-16T23:45:00Z"), &midnight).await;
    // A refused one costs the read alone.
    app.wire.forget();
    book("2035-01-16T09:00:00").send().await.problem(409, "staff_busy");
    let calls = app.wire.take_calls();
    assert_eq!(
        calls.iter().map(|call| call.operation.as_str()).collect::<Vec<_>>(),
        ["BatchGetItem"]
    );
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
        let scans = path.ends_with("store/scan.rs");
        assert_eq!(text.contains(".scan("), scans, "{}", path.display());
    }
}
