//! Who may do what: every operation of the document, as every role, on own and on others' records.
//!
//! The expected answer comes from the policy; a new operation without a row, or without a request here, fails.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use clinic_api::{
    aggregates::policy,
    http::auth::{
        Principal, Role,
        policy::{PolicyRule, Scope},
    },
};
use serde_json::{Value, json};

use crate::support::{
    Answer, TestApp, booking,
    callers::{self, at_clinic, principal, token},
    document::{AT_CLINIC, DOCUMENT, example, plain_collections},
    id,
};

/// Records that an operation may be about.
#[derive(Debug, Clone)]
struct Records {
    clinic: String,
    staff: String,
    patient: String,
    appointment: String,
    exception: String,
    hold: String,
    hold_secret: String,
    webhook: String,
    delivery: String,
    /// The plain records of the clinic: by the name of their collection, their ids.
    plain: BTreeMap<String, String>,
}

impl Records {
    async fn make(app: &TestApp) -> Self {
        let clinic = app.ready_clinic().await;
        let appointment = app.booked(&clinic, "2035-01-16T09:00:00").await;
        let mut plain = BTreeMap::new();
        for collection in plain_collections().filter(|name| name != "staff") {
            let create = &DOCUMENT["paths"][format!("{AT_CLINIC}/{collection}")]["post"];
            let path = format!("{}/{collection}", clinic.path);
            let made = app.post(&path).json(&example(create)).send().await.expect(201);
            plain.insert(collection, id(&made));
        }
        let exception = app.closed(&clinic.path, "2035-02-01", "2035-02-01").await;
        let held = app.held(&clinic, "2035-01-18T09:00:00", 15).await;
        let webhook = app.webhook("https://hooks.example.org/clinic").await;
        let delivery = app.delivery(&webhook).await;
        Self {
            clinic: clinic.path,
            staff: clinic.staff,
            patient: clinic.patient,
            appointment,
            exception,
            hold: held.path,
            hold_secret: held.secret,
            webhook,
            delivery,
            plain,
        }
    }

    /// The same without the appointments, which stand in the way of deletions.
    async fn make_deletable(app: &TestApp) -> Self {
        let records = Self::make(app).await;
        app.delete(&records.appointment).send().await.expect(204);
        let secret = json!({ "hold_secret": records.hold_secret });
        app.post(&format!("{}/release", records.hold)).json(&secret).send().await.expect(200);
        records
    }

    /// The same without all that stands in the way of the clinic's deletion.
    async fn make_empty(app: &TestApp) -> Self {
        let records = Self::make_deletable(app).await;
        let Self { clinic, staff, plain, .. } = &records;
        app.delete(&format!("{clinic}/staff/{staff}")).send().await.expect(204);
        for (collection, id) in plain {
            app.delete(&format!("{clinic}/{collection}/{id}")).send().await.expect(204);
        }
        records
    }
}

/// A request for an operation that succeeds for whoever may make it: method, path and body.
fn request(operation: &str, at: &Records) -> (Method, String, Option<Value>) {
    let Records { clinic, staff, patient, appointment, .. } = at;
    let Records { exception, hold, hold_secret, .. } = at;
    let one_exception = format!("{clinic}/exceptions/{exception}");
    let secret = json!({ "hold_secret": hold_secret });
    let one_staff = format!("{clinic}/staff/{staff}");
    let one_patient = format!("/v1/patients/{patient}");
    let booked = booking(staff, patient, "2035-01-17T09:00:00", 30);
    let (get, post, patch) = (Method::GET, Method::POST, Method::PATCH);
    match operation {
        "list_clinics" => (get, "/v1/clinics".to_owned(), None),
        "create_clinic" => {
            (post, "/v1/clinics".to_owned(), Some(json!({ "name": "New", "time_zone": "UTC" })))
        }
        "get_clinic" => (get, clinic.clone(), None),
        "update_clinic" => (patch, clinic.clone(), Some(json!({ "name": "Renamed" }))),
        "delete_clinic" => (Method::DELETE, clinic.clone(), None),
        "get_clinic_overview" => (get, format!("{clinic}/overview"), None),
        "list_staff" => (get, format!("{clinic}/staff"), None),
        "create_staff_member" => {
            (post, format!("{clinic}/staff"), Some(json!({ "name": "New", "role": "nurse" })))
        }
        "get_staff_member" => (get, one_staff, None),
        "update_staff_member" => (patch, one_staff, Some(json!({ "name": "Renamed" }))),
        "delete_staff_member" => (Method::DELETE, one_staff, None),
        "find_patients" => (get, "/v1/patients?mrn=A-1".to_owned(), None),
        "create_patient" => (post, "/v1/patients".to_owned(), Some(json!({ "name": "New" }))),
        "get_patient" => (get, one_patient, None),
        "update_patient" => (patch, one_patient, Some(json!({ "notes": "late" }))),
        "delete_patient" => (Method::DELETE, one_patient, None),
        "export_patient" => (get, format!("{one_patient}/export"), None),
        "list_patient_accesses" => (get, format!("{one_patient}/accesses"), None),
        "list_patient_appointments" => (get, format!("{one_patient}/appointments"), None),
        "list_clinic_appointments" => (get, format!("{clinic}/appointments"), None),
        "create_appointment" => (post, format!("{clinic}/appointments"), Some(booked)),
        "get_appointment" => (get, appointment.clone(), None),
        "update_appointment" => (patch, appointment.clone(), Some(json!({ "notes": "late" }))),
        "delete_appointment" => (Method::DELETE, appointment.clone(), None),
        "change_appointment_status" => {
            (post, format!("{appointment}/status"), Some(json!({ "status": "confirmed" })))
        }
        "cancel_appointment" => (post, format!("{appointment}/cancel"), Some(json!({}))),
        "reschedule_appointment" => (
            post,
            format!("{appointment}/reschedule"),
            Some(json!({ "start": "2035-01-16T10:00:00" })),
        ),
        "create_hold" => {
            let held = json!({
                "staff_id": staff, "start": "2035-01-19T09:00:00", "duration_minutes": 30
            });
            (post, format!("{clinic}/holds"), Some(held))
        }
        "confirm_hold" => {
            let confirmation = json!({ "hold_secret": hold_secret, "patient_id": patient });
            (post, format!("{hold}/confirm"), Some(confirmation))
        }
        "release_hold" => (post, format!("{hold}/release"), Some(secret)),
        "list_exceptions" => (get, format!("{clinic}/exceptions"), None),
        "create_exception" => {
            let closed = json!({
                "first_date": "2035-03-01", "last_date": "2035-03-02", "effect": "closed"
            });
            (post, format!("{clinic}/exceptions"), Some(closed))
        }
        "get_exception" => (get, one_exception, None),
        "delete_exception" => (Method::DELETE, one_exception, None),
        "list_availability" => (get, format!("{clinic}/availability?duration_minutes=30"), None),
        "get_day" => (get, format!("{clinic}/day/2035-01-16"), None),
        other => request_of_events(other, at),
    }
}

/// The same of webhooks and of who changed what.
fn request_of_events(operation: &str, at: &Records) -> (Method, String, Option<Value>) {
    let Records { clinic, patient, appointment, webhook, delivery, .. } = at;
    let (get, post, patch) = (Method::GET, Method::POST, Method::PATCH);
    match operation {
        "list_patient_audit_events" => (get, format!("/v1/patients/{patient}/audit"), None),
        "list_appointment_audit_events" => (get, format!("{appointment}/audit"), None),
        "list_clinic_audit_events" => (get, format!("{clinic}/audit"), None),
        "list_webhooks" => (get, "/v1/webhooks".to_owned(), None),
        "create_webhook" => {
            let webhook = json!({ "url": "https://hooks.example.org/other" });
            (post, "/v1/webhooks".to_owned(), Some(webhook))
        }
        "get_webhook" => (get, webhook.clone(), None),
        "update_webhook" => (patch, webhook.clone(), Some(json!({ "active": false }))),
        "delete_webhook" => (Method::DELETE, webhook.clone(), None),
        "rotate_webhook_secret" => (post, format!("{webhook}/rotate-secret"), None),
        "list_deliveries" => (get, format!("{webhook}/deliveries"), None),
        "get_delivery" => (get, delivery.clone(), None),
        "replay_delivery" => (post, format!("{delivery}/replay"), None),
        other => request_of_plain_record(other, at),
    }
}

/// The same of the plain records of a clinic, with the document's examples as bodies.
fn request_of_plain_record(operation: &str, at: &Records) -> (Method, String, Option<Value>) {
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        let mut operations = item.as_object().unwrap().iter();
        let found = operations.find(|(_, found)| found["operationId"] == operation);
        let (Some((method, found)), Some(below)) =
            (found, path.strip_prefix(&format!("{AT_CLINIC}/")))
        else {
            continue;
        };
        let (collection, one) = below.split_once('/').unwrap_or((below, ""));
        let Some(id) = at.plain.get(collection) else { continue };
        let slash_id = if one.is_empty() { String::new() } else { format!("/{id}") };
        let body = found.get("requestBody").map(|_| example(found));
        let path = format!("{}/{collection}{slash_id}", at.clinic);
        return (method.to_uppercase().parse().unwrap(), path, body);
    }
    panic!("say here how a good request for {operation} looks")
}

async fn send(app: &TestApp, operation: &str, at: &Records) -> Answer {
    let (method, path, body) = request(operation, at);
    let call = app.request(method, &path);
    match body {
        Some(body) => call.json(&body),
        None => call,
    }
    .send()
    .await
}

fn operations() -> Vec<String> {
    let paths = DOCUMENT["paths"].as_object().unwrap().clone();
    let items = paths.into_iter().flat_map(|(_, item)| item.as_object().unwrap().clone());
    items.map(|(_, operation)| operation["operationId"].as_str().unwrap().to_owned()).collect()
}

fn guarded() -> impl Iterator<Item = &'static PolicyRule> {
    policy().filter(|rule| !rule.is_public())
}

#[test]
fn every_operation_has_one_rule_and_every_rule_an_operation() {
    let operations = operations();
    let rules: BTreeSet<_> = policy().map(|rule| rule.operation.to_owned()).collect();
    assert_eq!(policy().count(), rules.len(), "an operation has two rules");
    assert_eq!(operations.into_iter().collect::<BTreeSet<_>>(), rules);
    let public: Vec<_> =
        policy().filter(|rule| rule.is_public()).map(|rule| rule.operation).collect();
    assert_eq!(DOCUMENT["security"], json!([{ "bearer": [] }]));
    for item in DOCUMENT["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            let security = operation.get("security");
            assert_eq!(security == Some(&json!([])), public.contains(&id), "{id}");
        }
    }
}

#[test]
fn the_documented_policy_is_the_one_that_is_enforced() {
    let text = include_str!("../../docs/authorisation.md");
    let rows: BTreeSet<_> = text
        .lines()
        .filter(|line| guarded().any(|rule| line.starts_with(&format!("| `{}` ", rule.operation))))
        .map(str::to_owned)
        .collect();
    let expected: BTreeSet<_> = guarded()
        .map(|row| {
            let scopes = Role::ALL.map(|role| match row.scope(role) {
                Some(Scope::Organisation) => "organisation",
                Some(Scope::OwnClinics) => "own clinics",
                Some(Scope::OwnRecords) => "own records",
                None => "",
            });
            format!("| `{}` | {} |", row.operation, scopes.join(" | "))
        })
        .collect();
    assert_eq!(rows, expected);
}

/// What a caller of a role is, who has to do with `own` records alone.
fn caller(role: Role, own: &Records) -> Principal {
    match role {
        Role::Patient => callers::patient(&own.patient),
        // It has no clinics of its own, so a mistake in the scope would show.
        Role::Admin | Role::Service => at_clinic(role, "CLN-000000000000000000000000"),
        _ => at_clinic(role, &own.clinic),
    }
}

/// Whether an operation names a record, which can be another's.
fn names_a_record(operation: &str, at: &Records) -> bool {
    let path = request(operation, at).1;
    [&at.clinic, &at.patient, &at.appointment, &at.webhook]
        .iter()
        .any(|part| path.contains(part.as_str()))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_role_does_what_the_policy_grants_on_own_records() {
    let app = TestApp::spawn().await;
    for row in guarded() {
        for role in Role::ALL {
            // A deletion needs records of its own, and nothing that stands in its way.
            let own = match row.operation {
                "delete_clinic" => Records::make_empty(&app).await,
                "delete_patient" | "delete_staff_member" => Records::make_deletable(&app).await,
                _ => Records::make(&app).await,
            };
            let as_role = app.with_bearer(token(&caller(role, &own)));
            let answer = send(&as_role, row.operation, &own).await;
            // An organisation has only so many.
            app.delete(&own.webhook).send().await;
            let case = format!("{} as {}", row.operation, role.as_str());
            if row.scope(role).is_some() {
                assert!(answer.status.is_success(), "{case}: {answer:?}");
                assert!(answer.headers.contains_key("ratelimit"), "{case}");
            } else {
                answer.problem(403, "forbidden");
            }
        }
    }
}

/// What patients see of every clinic of the organisation.
const OFFERS: [&str; 3] = ["list_visit_types", "get_visit_type", "list_availability"];

/// What was asked of the table since it was last looked.
fn calls(app: &TestApp) -> Vec<String> {
    let mut calls: Vec<_> = app.wire.take_calls().into_iter().map(|call| call.operation).collect();
    // What is asked for at once arrives in any order.
    calls.sort();
    calls
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_out_of_scope_is_as_if_it_were_not_there_and_stays_as_it_is() {
    let app = TestApp::spawn().await;
    let (own, other) = (Records::make(&app).await, Records::make(&app).await);
    let elsewhere = app.in_org("ORG-ELSEWHERE");
    let foreign = Records::make(&elsewhere).await;
    let missing_clinic = own.clinic.replace(&own.clinic[own.clinic.len() - 8..], "00000000");
    let missing_webhook = own.webhook.replace(&own.webhook[own.webhook.len() - 8..], "00000000");
    let missing = Records {
        clinic: missing_clinic.clone(),
        staff: format!("{}00000000", &own.staff[..own.staff.len() - 8]),
        patient: format!("{}00000000", &own.patient[..own.patient.len() - 8]),
        appointment: own.appointment.replace(&own.clinic, &missing_clinic),
        hold: own.hold.replace(&own.clinic, &missing_clinic),
        delivery: own.delivery.replace(&own.webhook, &missing_webhook),
        webhook: missing_webhook,
        ..own.clone()
    };
    let before = app.all_items().await;
    for row in guarded() {
        for role in Role::ALL {
            let as_role = app.with_bearer(token(&caller(role, &own)));
            let case = |which: &str| format!("{} as {} on {which}", row.operation, role.as_str());
            let scope = row.scope(role);
            if !names_a_record(row.operation, &own) {
                continue;
            }
            app.wire.forget();
            let of_foreign = send(&as_role, row.operation, &foreign).await;
            let calls_for_foreign = calls(&app);
            let of_missing = send(&as_role, row.operation, &missing).await;
            let calls_for_missing = calls(&app);
            if scope.is_none() {
                of_foreign.problem(403, "forbidden");
                of_missing.problem(403, "forbidden");
                continue;
            }
            let mut foreign_problem = of_foreign.problem(404, "not_found");
            let mut missing_problem = of_missing.problem(404, "not_found");
            for problem in [&mut foreign_problem, &mut missing_problem] {
                problem["request_id"] = Value::Null;
            }
            assert_eq!(foreign_problem, missing_problem, "{}", case("another organisation's"));
            // What is not there and what is another's take the same reads, and so the same time.
            assert_eq!(calls_for_foreign, calls_for_missing, "{}", case("another organisation's"));
            // What changes something was tried on own records.
            let reads = request(row.operation, &own).0 == Method::GET;
            if scope == Some(Scope::Organisation) && reads {
                let answer = send(&as_role, row.operation, &other).await;
                assert!(answer.status.is_success(), "{}", case("another clinic's"));
            }
            if scope == Some(Scope::OwnClinics) && row.operation != "list_patient_appointments" {
                send(&as_role, row.operation, &other).await.problem(404, "not_found");
            }
            if scope == Some(Scope::OwnRecords) {
                let answer = send(&as_role, row.operation, &other).await;
                // What a clinic offers is nobody's record.
                if OFFERS.contains(&row.operation) {
                    assert!(answer.status.is_success(), "{}", case("another clinic's"));
                } else {
                    answer.problem(404, "not_found");
                }
            }
        }
    }
    assert_eq!(app.all_items().await, before, "a refusal changed something");
}

#[tokio::test]
async fn lists_over_clinics_hold_own_clinics_alone() {
    let app = TestApp::spawn().await;
    let (here, there) = (app.ready_clinic().await, app.ready_clinic().await);
    let visit = |clinic: &crate::support::ClinicMade, start| {
        booking(&clinic.staff, &here.patient, start, 30)
    };
    for (clinic, start) in [(&here, "2035-01-16T09:00:00"), (&there, "2035-01-16T11:00:00")] {
        let path = format!("{}/appointments", clinic.path);
        app.post(&path).json(&visit(clinic, start)).send().await.expect(201);
    }
    let desk = app.with_bearer(token(&at_clinic(Role::FrontDesk, &here.path)));
    let ids = |answer: Answer, member: &str| {
        let page = answer.expect(200).json();
        let items = page["items"].as_array().unwrap().clone();
        items.iter().map(|item| item[member].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let clinics = ids(desk.get("/v1/clinics").send().await, "id");
    assert_eq!(clinics, [here.path.rsplit('/').next().unwrap()]);
    let visits = format!("/v1/patients/{}/appointments", here.patient);
    let seen = ids(desk.get(&visits).send().await, "clinic_id");
    assert_eq!(seen, [here.path.rsplit('/').next().unwrap()]);
    let everywhere = app.with_bearer(token(&principal(Role::FrontDesk)));
    assert_eq!(ids(everywhere.get(&visits).send().await, "clinic_id").len(), 2);
    let patient = app.with_bearer(token(&callers::patient(&here.patient)));
    assert_eq!(ids(patient.get(&visits).send().await, "clinic_id").len(), 2);
}

#[tokio::test]
async fn a_patient_sees_no_notes_of_staff() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let mut visit = booking(&clinic.staff, &clinic.patient, "2035-01-16T09:00:00", 30);
    visit["notes"] = json!("difficult");
    visit["reason"] = json!("check-up");
    visit["overrides"] = json!({ "any_hours": true, "reason": "asked me at dinner" });
    let path = format!("{}/appointments", clinic.path);
    let made = app.post(&path).json(&visit).send().await.expect(201);
    let path = format!("{path}/{}", id(&made));
    assert_eq!(app.get(&path).send().await.expect(200).json()["notes"], "difficult");
    let patient = app.with_bearer(token(&callers::patient(&clinic.patient)));
    let seen = patient.get(&path).send().await.expect(200).json();
    assert_eq!((seen.get("notes"), &seen["reason"]), (None, &json!("check-up")));
    assert_eq!(seen.get("override_reason"), None);
    let list = format!("/v1/patients/{}/appointments", clinic.patient);
    let listed = patient.get(&list).send().await.expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(listed["items"][0].get("notes"), None);
}
