//! Authorisation: sends every operation of the document as every role, to own and to other records.
//!
//! The expected response follows from the policy. New operations are included without a change.

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
    Answer, ClinicMade, TestApp, booking,
    callers::{self, at_clinic, principal, token},
    id,
    requests::{Records, request, send},
};

fn guarded() -> impl Iterator<Item = &'static PolicyRule> {
    policy().filter(|rule| !rule.is_public())
}

/// A caller of a role, limited to the clinic and patient of `own`.
fn caller(role: Role, own: &Records) -> Principal {
    match role {
        Role::Patient => callers::patient(&own.patient),
        // These roles ignore the token's clinics. One that does not exist exposes a mistake in the scope.
        Role::Admin | Role::Service => at_clinic(role, "CLN-000000000000000000000000"),
        _ => at_clinic(role, &own.clinic),
    }
}

/// Whether an operation's path names a record, which can belong to somebody else.
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
            // A deletion needs new records, and nothing that blocks it.
            let own = match row.operation {
                "delete_clinic" => Records::make_empty(&app).await,
                "delete_patient" | "delete_staff_member" => Records::make_deletable(&app).await,
                _ => Records::make(&app).await,
            };
            let as_role = app.with_bearer(token(&caller(role, &own)));
            let answer = send(&as_role, row.operation, &own).await;
            // The number of webhooks of an organisation is limited.
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

/// Operations that patients may call for every clinic of the organisation.
const OFFERS: [&str; 3] = ["list_visit_types", "get_visit_type", "list_availability"];

/// The DynamoDB calls since the last look.
fn calls(app: &TestApp) -> Vec<String> {
    let mut calls: Vec<_> = app.wire.take_calls().into_iter().map(|call| call.operation).collect();
    // Parallel calls arrive in any order.
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
            // A missing record and a foreign one cause the same reads, so the response time does not reveal which it is.
            assert_eq!(calls_for_foreign, calls_for_missing, "{}", case("another organisation's"));
            // Operations that write were already sent to own records.
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
                // What a clinic offers is not a record of a patient or a clinic's staff.
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
    let visit = |clinic: &ClinicMade, start| booking(&clinic.staff, &here.patient, start, 30);
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
    let why = json!({ "reason": "the doctor is ill" });
    app.post(&format!("{path}/cancel")).json(&why).send().await.expect(200);
    let seen = patient.get(&path).send().await.expect(200).json();
    assert_eq!(seen["cancellation_reason"], "the doctor is ill");
    let list = format!("/v1/patients/{}/appointments", clinic.patient);
    let listed = patient.get(&list).send().await.expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(listed["items"][0].get("notes"), None);
}
