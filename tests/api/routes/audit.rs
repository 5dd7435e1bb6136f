//! The access log: accesses are recorded, listed, and limited in number.

use clinic_api::http::auth::Role;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::{
    TestApp, booking,
    builder::AUDIT_RETENTION,
    callers::{at_clinic, principal, token},
    process::{RemoteTable, Running, text},
    proxy::Proxy,
};

/// Waits until all accesses are in the log.
async fn recorded(app: &TestApp) {
    app.settle().await;
    app.process_changes().await;
}

/// The accesses to a patient's data as operation and subject, latest hour first.
async fn accesses(app: &TestApp, patient: &str) -> Vec<(String, String)> {
    recorded(app).await;
    let path = format!("/v1/patients/{patient}/accesses?limit=100&consistent=true");
    let mut found = pairs(&app.get(&path).send().await.expect(200).json());
    found.retain(|(operation, _)| operation != "list_patient_accesses");
    found
}

fn pairs(page: &Value) -> Vec<(String, String)> {
    let items = page["items"].as_array().unwrap();
    let member = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
    items.iter().map(|item| (member(item, "operation"), member(item, "subject"))).collect()
}

/// Entries of both logs expire by the retention setting, counted from the entry's time.
#[tokio::test]
async fn entries_expire_by_the_retention() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let patient = format!("/v1/patients/{}", clinic.patient);
    app.get(&patient).send().await.expect(200);
    app.settle().await;
    app.clock.advance(SignedDuration::from_hours(1));
    app.delete(&format!("{patient}?mode=erase")).send().await.expect(204);
    app.process_changes().await;
    let items = app.all_items_and_accesses().await;
    let mut expiries = Vec::new();
    for (kind, time) in [("access", "at"), ("audit_event", "recorded"), ("access_request", "at")] {
        for item in items.iter().filter(|item| item["type"].as_s().unwrap() == kind) {
            let at: jiff::Timestamp = item[time].as_s().unwrap().parse().unwrap();
            let expected = match kind {
                "access_request" => at + SignedDuration::from_hours(30 * 24),
                _ => AUDIT_RETENTION.expiry(at),
            };
            let expected = expected.as_second().to_string();
            assert_eq!(item["expires_at"].as_n().unwrap(), &expected, "{item:?}");
            expiries.push(kind);
        }
    }
    let of = |kind| expiries.iter().filter(|found| **found == kind).count();
    // Two accesses, one of them the erasure; three records created, one deleted; one request that showed a patient.
    assert_eq!((of("access"), of("audit_event"), of("access_request")), (2, 4, 1));
    // It is not shown.
    let shown = app.get(&format!("{patient}/accesses")).send().await.expect(200).json();
    assert!(shown["items"][0].get("expires_at").is_none(), "{shown}");
}

#[tokio::test]
async fn every_read_of_a_patient_is_recorded_with_who_and_when() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let visit = app.booked(&clinic, "2035-01-16T09:00:00").await;
    let mrn = json!({ "mrn": "A-1" });
    let patient = format!("/v1/patients/{}", clinic.patient);
    app.patch(&patient).json(&mrn).send().await.expect(200);
    let desk = app.with_bearer(token(&at_clinic(Role::FrontDesk, &clinic.path)));
    let reads = [
        (patient.clone(), "get_patient"),
        ("/v1/patients?mrn=A-1".to_owned(), "find_patients"),
        (visit.clone(), "get_appointment"),
        (format!("{patient}/appointments"), "list_patient_appointments"),
        (format!("{}/appointments", clinic.path), "list_clinic_appointments"),
        (format!("{}/overview", clinic.path), "get_clinic_overview"),
        (format!("{}/day/2035-01-16", clinic.path), "get_day"),
    ];
    for (path, _) in &reads {
        desk.get(path).send().await.expect(200);
        app.clock.advance(SignedDuration::from_hours(1));
    }
    app.get(&format!("{patient}/export")).send().await.expect(200);
    let mut expected: Vec<_> = reads
        .iter()
        .map(|(_, operation)| ((*operation).to_owned(), "test-front_desk".to_owned()))
        .collect();
    expected.push(("export_patient".to_owned(), "test-admin".to_owned()));
    expected.reverse();
    assert_eq!(accesses(&app, &clinic.patient).await, expected);
    // Requests that show no patient are no access: staff, clinics, another person's record, refusals.
    desk.get(&clinic.path).send().await.expect(200);
    desk.get(&format!("{}/staff", clinic.path)).send().await.expect(200);
    desk.get(&format!("{}/appointments?date=2035-02-01", clinic.path)).send().await.expect(200);
    desk.get(&format!("{}/day/2035-02-01", clinic.path)).send().await.expect(200);
    desk.get(&format!("{}/availability?duration_minutes=30", clinic.path)).send().await.expect(200);
    desk.get("/v1/patients?mrn=A-2").send().await.expect(200);
    desk.get(&format!("{patient}/export")).send().await.problem(403, "forbidden");
    app.in_org("ORG-ELSEWHERE").get(&patient).send().await.problem(404, "not_found");
    app.with_bearer(token(&principal(Role::Patient)))
        .get(&visit)
        .send()
        .await
        .problem(404, "not_found");
    assert_eq!(accesses(&app, &clinic.patient).await, expected);
}

#[tokio::test]
async fn the_same_within_an_hour_is_one_access_and_is_written_once() {
    let app = TestApp::spawn().await;
    let patient = app.patient().await;
    let path = format!("/v1/patients/{patient}");
    for _ in 0..20 {
        app.get(&path).send().await.expect(200);
    }
    // Another replica does not know what this one wrote.
    TestApp::builder().replica_of(&app).get(&path).send().await.expect(200);
    app.with_bearer(token(&principal(Role::Clinician))).get(&path).send().await.expect(200);
    app.clock.advance(SignedDuration::from_hours(1));
    app.get(&path).send().await.expect(200);
    assert_eq!(accesses(&app, &patient).await.len(), 3);
    let items = app.all_items_and_accesses().await;
    let stored = items.iter().filter(|item| item["type"].as_s().unwrap() == "access");
    for item in stored {
        assert_eq!(item["rev"].as_n().unwrap(), "1", "it was written once: {item:?}");
        assert!(!item.contains_key("GSI1PK"));
    }
}

#[tokio::test]
async fn accesses_come_in_pages_to_administrators_alone() {
    let app = TestApp::spawn().await;
    let patient = app.patient().await;
    for _ in 0..5 {
        app.get(&format!("/v1/patients/{patient}")).send().await.expect(200);
        app.clock.advance(SignedDuration::from_hours(1));
    }
    recorded(&app).await;
    let path = format!("/v1/patients/{patient}/accesses?limit=2");
    let first = app.get(&path).send().await.expect(200).json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = app.get(&format!("{path}&cursor={cursor}")).send().await.expect(200).json();
    assert_eq!((pairs(&first).len(), pairs(&second).len()), (2, 2));
    let at = |page: &Value| page["items"][0]["at"].as_str().unwrap().to_owned();
    assert!(at(&first) > at(&second), "the latest comes first");
    let manager = app.with_bearer(token(&principal(Role::Manager)));
    manager.get(&path).send().await.problem(403, "forbidden");
    app.in_org("ORG-ELSEWHERE").get(&path).send().await.problem(404, "not_found");
    let nobody = "/v1/patients/PAT-000000000000000000000000/accesses";
    app.get(nobody).send().await.problem(404, "not_found");
}

#[tokio::test]
async fn an_export_holds_all_that_is_held() {
    let app = TestApp::spawn().await;
    let (here, there) = (app.ready_clinic().await, app.ready_clinic().await);
    let record = json!({ "name": "Ida Example", "mrn": "A-1", "notes": "hard of hearing" });
    let path = format!("/v1/patients/{}", here.patient);
    app.patch(&path).json(&record).send().await.expect(200);
    for (clinic, start) in [(&here, "2035-01-16T09:00:00"), (&there, "2035-01-17T11:00:00")] {
        let mut visit = booking(&clinic.staff, &here.patient, start, 30);
        visit["notes"] = json!("anxious");
        let appointments = format!("{}/appointments", clinic.path);
        app.post(&appointments).json(&visit).send().await.expect(201);
    }
    app.get(&path).send().await.expect(200);
    recorded(&app).await;
    let export = app.get(&format!("{path}/export")).send().await.expect(200).json();
    assert_eq!(export["patient"]["notes"], "hard of hearing");
    assert_eq!(export["appointments"].as_array().unwrap().len(), 2);
    assert_eq!(export["appointments"][1]["notes"], "anxious");
    assert_eq!(export["accesses"][0]["operation"], "get_patient");
    assert_eq!(export["next_cursor"], json!(null));
    // The export in pages has the same content.
    recorded(&app).await;
    let (mut appointments, mut accesses, mut cursor) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = format!("{path}/export?limit=1{cursor}");
        let page = app.get(&page).send().await.expect(200).json();
        assert_eq!(page["patient"], export["patient"]);
        let (some, others) = (page["appointments"].as_array(), page["accesses"].as_array());
        assert!(some.unwrap().len() + others.unwrap().len() <= 1);
        appointments.extend(some.unwrap().clone());
        accesses.extend(others.unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(json!(appointments), export["appointments"]);
    // The first export is an access too.
    assert!(accesses.contains(&export["accesses"][0]));
    assert_eq!(accesses.len(), 2, "{accesses:?}");
    app.get(&format!("{path}/export?limit=1001")).send().await.problem(400, "invalid_parameter");
    app.in_org("ORG-ELSEWHERE")
        .get(&format!("{path}/export"))
        .send()
        .await
        .problem(404, "not_found");
    let nobody = "/v1/patients/PAT-000000000000000000000000/export";
    app.get(nobody).send().await.problem(404, "not_found");
}

/// A process that receives SIGTERM writes the queued items.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_waits_is_lost_when_the_service_stops() {
    let folder = tempfile::tempdir().unwrap();
    let table = RemoteTable::missing().await;
    table.create(folder.path());
    let start =
        || Running::launch(table.program(folder.path()).args(["--listen", "127.0.0.1:0"]), 4);
    let running = start();
    let mut patients = Vec::new();
    for _ in 0..30 {
        let (_, made) = running.send("POST", "/v1/patients", Some(json!({ "name": "Ida" }))).await;
        patients.push(made["id"].as_str().unwrap().to_owned());
    }
    for patient in &patients {
        assert_eq!(running.send("GET", &format!("/v1/patients/{patient}"), None).await.0, 200);
    }
    assert!(running.terminate().0.success());
    // Nothing has read the stream since.
    for _ in 0..2 {
        let mut recover = table.program(folder.path());
        let output = recover.args(["worker", "recover-accesses"]).output().unwrap();
        let printed = text(&output);
        assert!(output.status.success() && printed.contains("30 requests"), "{printed}");
    }
    let running = start();
    for patient in &patients {
        let path = format!("/v1/patients/{patient}/accesses?consistent=true");
        let (_, page) = running.send("GET", &path, None).await;
        assert_eq!(pairs(&page), [("get_patient".to_owned(), "test-admin".to_owned())]);
    }
}

/// Items that the table does not accept before the process ends are logged, each access with its ids.
#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_written_when_the_service_stops_is_logged_with_its_ids() {
    let folder = tempfile::tempdir().unwrap();
    let table = RemoteTable::missing().await;
    table.create(folder.path());
    let proxy = Proxy::before(table.endpoint(), 1).await;
    let mut serve = table.program(folder.path());
    serve.env("AWS_ENDPOINT_URL_DYNAMODB", proxy.endpoint());
    serve.args(["serve", "--listen", "127.0.0.1:0", "--drain-timeout", "1s"]);
    let running = Running::launch(serve.args(["--log-format", "json"]), 0);
    let mut patients = Vec::new();
    for _ in 0..10 {
        let (_, made) = running.send("POST", "/v1/patients", Some(json!({ "name": "Ida" }))).await;
        patients.push(made["id"].as_str().unwrap().to_owned());
    }
    proxy.echo(Some("PutItem"));
    for patient in &patients {
        assert_eq!(running.send("GET", &format!("/v1/patients/{patient}"), None).await.0, 200);
    }
    let (status, log) = running.terminate();
    assert!(status.success(), "{log}");
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let lost = lines.filter(|line| line["message"] == "an access could not be recorded");
    let lost = lost.map(|line| {
        assert_eq!(
            (&line["operation.id"], &line["user.id"]),
            (&json!("get_patient"), &json!("test-admin"))
        );
        assert!(line["access.time"].is_string() && line["error.message"].is_string(), "{line}");
        line["patient.id"].as_str().unwrap().to_owned()
    });
    let mut lost: Vec<_> = lost.collect();
    lost.sort();
    patients.sort();
    assert_eq!(lost, patients);
}

#[tokio::test]
async fn reads_are_answered_while_no_access_can_be_written() {
    let app = TestApp::spawn().await;
    let patient = app.patient().await;
    // As often as the store tries a write.
    app.wire.lose_accesses(3);
    app.get(&format!("/v1/patients/{patient}")).send().await.expect(200);
    // The write was retried.
    assert_eq!(accesses(&app, &patient).await[0].0, "get_patient");
}
