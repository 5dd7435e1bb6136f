//! The cost of each request: its DynamoDB calls and their capacity, compared with fixed numbers. `docs/access-patterns.md` lists
//! them.

use clinic_api::http::auth::{Principal, Role, principal::Clinics};
use serde_json::{Value, json};

use crate::support::{
    TestApp,
    callers::{principal, token},
    costs::costs,
};

#[tokio::test]
async fn reads_of_one_record_cost_one_get_item() {
    let app = TestApp::spawn().await;
    let (clinic, appointment) = app.clinic_with_booking().await;
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
async fn a_patient_by_record_number_costs_one_get_item() {
    let app = TestApp::spawn().await;
    let patient = json!({ "name": "Ida", "mrn": "A-1" });
    app.post("/v1/patients").json(&patient).send().await.expect(201);
    let found = costs(&app, app.get("/v1/patients?mrn=A-1"), &[("GetItem", 1.0)]).await;
    assert_eq!(found.json()["items"].as_array().unwrap().len(), 1);
    costs(&app, app.get("/v1/patients?mrn=A-2"), &[("GetItem", 1.0)]).await;
}

#[tokio::test]
async fn lists_cost_one_query() {
    let app = TestApp::spawn().await;
    let (clinic, _) = app.clinic_with_booking().await;
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
    app.process_changes().await;
    for path in lists {
        costs(&app, app.get(&path), &[("Query", 0.5)]).await;
    }
    // A caller with a list of clinics costs a read of each, whether it exists or not.
    let other = app.clinic().await;
    app.delete(&other).send().await.expect(204);
    let clinics = [&clinic.path, &other, &app.clinic().await];
    let clinics = clinics.map(|path| path.rsplit('/').next().unwrap().parse().unwrap());
    let clinics = Clinics::Some(clinics.into());
    let limited = app.with_bearer(token(&Principal { clinics, ..principal(Role::Manager) }));
    costs(&limited, limited.get("/v1/clinics"), &[("BatchGetItem", 3.0)]).await;
    let export = format!("/v1/patients/{}/export", clinic.patient);
    app.settle().await;
    let by_links = [("Query", 1.0), ("BatchGetItem", 1.0)];
    // The patient, the access log, and the patients that were merged into this one.
    let others = [("GetItem", 1.0), ("Query", 1.0), ("Query", 1.0)];
    let exported = [&by_links[..], &others].concat();
    costs(&app, app.get(&export), &exported).await;
    let consistent = format!("/v1/patients/{}/appointments?consistent=true", clinic.patient);
    costs(&app, app.get(&consistent), &by_links).await;
    app.closed(&clinic.path, "2035-02-01", "2035-02-01").await;
    app.closed_days_of(&clinic.path, &clinic.staff, 1).await;
    let exceptions = format!("{}/exceptions?from=2035-01-01&to=2035-12-31", clinic.path);
    costs(&app, app.get(&exceptions), &[("Query", 0.5)]).await;
    let of_staff = format!("{exceptions}&staff_id={}", clinic.staff);
    costs(&app, app.get(&of_staff), &[("Query", 0.5)]).await;
    for (path, made) in [
        ("resources", app.resource(&clinic.path).await),
        ("visit-types", app.visit_type(&clinic.path).await),
    ] {
        let list = costs(&app, app.get(&format!("{}/{path}", clinic.path)), &[("Query", 0.5)]);
        assert_eq!(list.await.json()["items"][0]["id"], made);
    }
    // An empty list checks that the clinic exists.
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
    // A replay: the transaction fails and returns the stored response.
    app.wire.forget();
    keyed.send().await.expect(201);
    assert_eq!(app.wire.take_calls().len(), 1);
    let staff = json!({ "name": "A", "role": "nurse" });
    let staff = app.post(&format!("{}/staff", made.location())).json(&staff);
    costs(&app, staff, &[("TransactWriteItems", 4.0)]).await;
    // A record of a clinic checks the clinic, and an exception also checks its staff member.
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
    // The local date needs the clinic's time zone once. The owner's other exceptions are counted.
    let first = [("GetItem", 1.0), ("Query", 1.0), ("TransactWriteItems", 5.0)];
    costs(&app, app.post(&path("exceptions")).json(&closed(None)), &first).await;
    let leave = app.post(&path("exceptions")).json(&closed(Some(&staff)));
    costs(&app, leave, &[("Query", 1.0), ("TransactWriteItems", 7.0)]).await;
    // A patient with one word of one letter has one search item, and one marker for the record number.
    let patient = json!({ "name": "A" });
    costs(&app, app.post("/v1/patients").json(&patient), &[("TransactWriteItems", 5.0)]).await;
    let patient = json!({ "name": "A", "mrn": "A-1" });
    costs(&app, app.post("/v1/patients").json(&patient), &[("TransactWriteItems", 7.0)]).await;
}

fn whole_patient() -> Value {
    json!({
        "name": { "family": "Example", "given": ["Ida"] }, "birth_date": "1984-02-29", "mrn": "A-1",
        "phones": [{ "value": "+41795551234" }], "email": "ida@example.org",
    })
}

#[tokio::test]
async fn a_patient_is_stored_with_its_search_items_in_one_transaction() {
    let app = TestApp::spawn().await;
    let patient = app.post("/v1/patients").json(&whole_patient()).idempotent("k");
    // Two Queries look for duplicates: by name and date of birth, and by telephone number.
    let queries = [("Query", 1.0); 2];
    let created = [&queries[..], &[("TransactWriteItems", 35.0)]].concat();
    let path = costs(&app, patient, &created).await.location();
    let patch = async |patch: Value, expected: &[(&str, f64)]| {
        costs(&app, app.patch(&path).json(&patch), expected).await;
    };
    let read = ("GetItem", 1.0);
    patch(json!({ "notes": "not shown by a search" }), &[read, ("PutItem", 2.0)]).await;
    // What a search shows is in each search item.
    patch(json!({ "gender": "female" }), &[read, ("TransactWriteItems", 31.0)]).await;
    // All keys contain the date of birth.
    patch(json!({ "birth_date": "1985-02-28" }), &[read, ("TransactWriteItems", 57.0)]).await;
    // The words of a text are neighbours, so one term is of both.
    patch(json!({ "name": "Ida Sample" }), &[read, ("TransactWriteItems", 45.0)]).await;
}

#[tokio::test]
async fn a_search_costs_one_query() {
    let app = TestApp::spawn().await;
    app.post("/v1/patients").json(&whole_patient()).send().await.expect(201);
    let one_query = [("Query", 1.0)];
    for query in [
        "name=exam",
        "name=ida%20example",
        "birth_date=1984-02-29&name=ida",
        "phone=%2B41795551234",
        "email=ida@example.org",
        "birth_date=1984",
    ] {
        let found = costs(&app, app.get(&format!("/v1/patients?{query}")), &one_query).await;
        assert_eq!(found.json()["items"].as_array().unwrap().len(), 1, "{query}");
    }
    for query in ["mrn=A-1", "mrn=A-1&name=ida"] {
        let by_number = [("GetItem", 1.0)];
        costs(&app, app.get(&format!("/v1/patients?{query}")), &by_number).await;
    }
    // Two words that may be one: one Query more.
    for name in ["i%20example", "ida-example"] {
        let two_queries = [("Query", 1.0); 2];
        costs(&app, app.get(&format!("/v1/patients?name={name}")), &two_queries).await;
    }
    // Without a match: one Query for the two words as one, unless they begin like the longest, one for each transposition of a word, or for the second longest word, and one by sound.
    for (query, queries) in [
        ("name=idx", 4),
        ("name=exmaple%20ida", 2),
        ("name=ixample%20idx", 3),
        ("name=ida%20exmaple", 3),
    ] {
        let queries = vec![("Query", 1.0); queries];
        costs(&app, app.get(&format!("/v1/patients?{query}")), &queries).await;
    }
}

#[tokio::test]
async fn changing_a_record_costs_one_read_and_one_write() {
    let app = TestApp::spawn().await;
    let (clinic, appointment) = app.clinic_with_booking().await;
    let (name, notes) = (json!({ "name": "B" }), json!({ "notes": "N" }));
    costs(&app, app.patch(&clinic.path).json(&name), &[("GetItem", 1.0), ("PutItem", 2.0)]).await;
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    costs(&app, app.patch(&staff).json(&name), &[("GetItem", 1.0), ("PutItem", 1.0)]).await;
    let patient = format!("/v1/patients/{}", clinic.patient);
    costs(&app, app.patch(&patient).json(&notes), &[("GetItem", 1.0), ("PutItem", 2.0)]).await;
    costs(&app, app.patch(&appointment).json(&notes), &[("GetItem", 1.0), ("PutItem", 2.0)]).await;
}

#[tokio::test]
async fn deleting_marks_looks_and_deletes() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let guarded = |looks: usize, dependents: usize, mark: f64, delete: f64| {
        let [look, dependents] = [looks, dependents].map(|queries| vec![("Query", 1.0); queries]);
        let (read, mark) = (vec![("GetItem", 1.0)], vec![("UpdateItem", mark)]);
        [read, look.clone(), mark, look, dependents, vec![("DeleteItem", delete)]].concat()
    };
    let staff = format!("{}/staff/{}", clinic.path, clinic.staff);
    costs(&app, app.delete(&staff), &guarded(1, 2, 1.0, 1.0)).await;
    let resource = format!("{}/resources/{}", clinic.path, app.resource(&clinic.path).await);
    costs(&app, app.delete(&resource), &guarded(1, 2, 1.0, 1.0)).await;
    let visit_type = format!("{}/visit-types/{}", clinic.path, app.visit_type(&clinic.path).await);
    costs(&app, app.delete(&visit_type), &guarded(0, 0, 1.0, 1.0)).await;
    let exception = app.closed(&clinic.path, "2035-02-01", "2035-02-01").await;
    let exception = format!("{}/exceptions/{exception}", clinic.path);
    costs(&app, app.delete(&exception), &guarded(0, 0, 2.0, 2.0)).await;
    costs(&app, app.delete(&clinic.path), &guarded(2, 1, 2.0, 2.0)).await;
    let patient = format!("/v1/patients/{}", clinic.patient);
    let mut expected = guarded(1, 0, 2.0, 0.0);
    *expected.last_mut().unwrap() = ("TransactWriteItems", 25.0);
    costs(&app, app.delete(&patient), &expected).await;
}

#[tokio::test]
async fn deleting_a_patient_deletes_its_search_items_in_a_transaction() {
    let app = TestApp::spawn().await;
    let patient = json!({ "name": "Ida", "mrn": "A-1" });
    let path = app.post("/v1/patients").json(&patient).send().await.expect(201).location();
    let expected = [
        ("GetItem", 1.0),
        ("Query", 1.0),
        ("UpdateItem", 2.0),
        ("Query", 1.0),
        ("TransactWriteItems", 13.0),
    ];
    costs(&app, app.delete(&path), &expected).await;
}

/// No request scans. Only operator commands do.
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
        // The embedded engine implements the operation.
        let engine = path.ends_with("store/embedded/in_process.rs");
        let scans = path.ends_with("store/scan.rs") || engine;
        assert_eq!(text.contains(".scan("), scans, "{}", path.display());
    }
}
