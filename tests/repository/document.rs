//! The OpenAPI document: as committed, as served, and true of what the service does.

use std::collections::BTreeSet;

use clinic_api::router;
use serde_json::{Value, json};

use crate::support::{
    Held, TestApp,
    document::{DOCUMENT, id_of, operations},
};

fn committed() -> Value {
    serde_json::from_str(include_str!("../../openapi/openapi.json")).unwrap()
}

/// All operations, each with its method and path.
fn named() -> impl Iterator<Item = (String, &'static Value)> {
    operations().map(|(path, method, operation)| (format!("{method} {path}"), operation))
}

#[test]
fn the_committed_document_is_the_one_that_the_handlers_make() {
    let made: Value = serde_json::to_value(router::api().1).unwrap();
    assert!(made == committed(), "run: cargo run -- openapi > openapi/openapi.json");
}

#[tokio::test]
async fn the_service_serves_it_and_swagger_ui() {
    let app = TestApp::spawn().await;
    let served = app.get("/openapi.json").send().await.expect(200);
    assert!(served.json() == committed(), "what is served is not what is committed");
    let page = app.get("/docs/").send().await.expect(200);
    assert!(String::from_utf8_lossy(&page.body).contains("swagger-ui"));
    for file in ["swagger-ui.css", "swagger-ui-bundle.js", "swagger-initializer.js"] {
        let file = app.get(&format!("/docs/{file}")).send().await.expect(200);
        assert!(!file.body.is_empty());
    }
    let initializer = app.get("/docs/swagger-initializer.js").send().await;
    assert!(String::from_utf8_lossy(&initializer.body).contains("/openapi.json"));
}

#[test]
fn every_operation_is_whole() {
    assert_eq!(DOCUMENT["openapi"], "3.1.0");
    let mut ids = BTreeSet::new();
    for (name, operation) in named() {
        for member in ["summary", "description", "operationId"] {
            assert!(
                operation[member].as_str().is_some_and(|text| !text.is_empty()),
                "{name}: {member}"
            );
        }
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{name}: its id is taken");
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{name}: tags");
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        for parameter in parameters {
            let required = parameter["in"] == "path";
            assert!(!required || parameter["required"] == true, "{name}: {parameter}");
            assert!(parameter["schema"].is_object(), "{name}: {parameter}");
            assert!(parameter["description"].is_string(), "{name}: {parameter}");
        }
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{name}: no success");
        for (status, response) in responses {
            assert!(
                response["description"].as_str().is_some_and(|text| !text.is_empty()),
                "{name} {status}"
            );
            if status.as_str() >= "400" && status != "431" {
                let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/Problem", "{name} {status}");
                let example = &response["content"]["application/problem+json"]["example"];
                assert_eq!(example["status"].to_string(), *status, "{name} {status}");
            }
        }
        for status in ["500", "503"] {
            assert!(responses.contains_key(status), "{name}: {status}");
        }
        // What is to be done stands in the path.
        let bodiless = ["rotate_webhook_secret", "replay_delivery"]
            .iter()
            .any(|id| operation["operationId"] == **id);
        assert!(!bodiless || operation["requestBody"].is_null(), "{name}");
        if !bodiless && (name.starts_with("post") || name.starts_with("patch")) {
            assert!(operation["requestBody"].is_object(), "{name}: body");
            for status in ["400", "408", "413", "415", "422"] {
                assert!(responses.contains_key(status), "{name}: {status}");
            }
        }
        if name.starts_with("post") {
            let keyed = operation["parameters"].as_array().unwrap().iter();
            assert!(
                keyed.clone().any(|p| p["name"] == "Idempotency-Key"),
                "{name}: Idempotency-Key"
            );
        }
    }
    assert!(!ids.is_empty());
}

/// Conflicts are documented where they can happen, and nowhere else.
#[test]
fn conflicts_stand_where_they_can_happen() {
    let with = |status: &str| {
        let with = named().filter(|(_, operation)| operation["responses"].get(status).is_some());
        with.map(|(_, operation)| id_of(operation)).collect::<BTreeSet<_>>()
    };
    let conflicts = [
        "cancel_appointment",
        "change_appointment_status",
        "confirm_hold",
        "create_appointment",
        "create_exception",
        "create_hold",
        "create_patient",
        "create_webhook",
        "delete_clinic",
        "delete_patient",
        "delete_resource",
        "delete_staff_member",
        "release_hold",
        "reschedule_appointment",
        "update_appointment",
        "update_patient",
    ];
    assert_eq!(with("409"), conflicts.into());
    assert_eq!(with("410"), ["confirm_hold", "release_hold"].into());
}

/// An operation that takes a precondition documents the answer when it is not met, and no other does.
#[test]
fn preconditions_and_their_statuses_are_documented_together() {
    for (name, operation) in named() {
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        for (header, status) in [("If-Match", "412"), ("If-None-Match", "304")] {
            let taken = parameters.iter().any(|parameter| parameter["name"] == header);
            let answered = operation["responses"].get(status).is_some();
            assert_eq!(taken, answered, "{name}: {header} and {status}");
        }
    }
}

#[test]
fn every_record_and_every_body_has_an_example() {
    let schemas = DOCUMENT["components"]["schemas"].as_object().unwrap();
    let referenced = |schema: &Value| {
        schema["$ref"].as_str().map(|path| path.rsplit('/').next().unwrap().to_owned())
    };
    let bodies = named()
        .filter_map(|(_, operation)| operation["requestBody"]["content"].as_object())
        .flat_map(|contents| contents.values())
        .filter_map(|content| referenced(&content["schema"]))
        // A patch takes the members of the record that it changes.
        .filter(|name| !name.ends_with("Patch"));
    let others = ["Availability", "Event", "Problem"].map(str::to_owned);
    for name in bodies.chain(others) {
        assert!(schemas[&name]["example"].is_object(), "{name}");
    }
    for (name, page) in schemas.iter().filter(|(name, _)| name.starts_with("Page_")) {
        let item = &page["properties"]["items"]["items"];
        let item = referenced(item).map_or(item, |name| &schemas[&name]);
        assert!(item["example"].is_object(), "{name}");
    }
}

/// The bodies in the document are good ones: each example of a body is taken by its operation.
#[tokio::test]
async fn the_examples_of_bodies_are_taken() {
    let app = TestApp::spawn().await;
    let schemas = DOCUMENT["components"]["schemas"].clone();
    let example = |name: &str| schemas[name]["example"].clone();
    let clinic =
        app.post("/v1/clinics").json(&example("ClinicIn")).send().await.expect(201).location();
    let staff =
        app.post(&format!("{clinic}/staff")).json(&example("StaffIn")).send().await.expect(201);
    let patient = app.post("/v1/patients").json(&example("PatientIn")).send().await.expect(201);
    let mut booking = example("AppointmentIn");
    booking["staff_id"] = staff.json()["id"].clone();
    booking["patient_id"] = patient.json()["id"].clone();
    booking["start"] = json!("2035-01-16T09:00:00");
    let made = app.post(&format!("{clinic}/appointments")).json(&booking).send().await.expect(201);
    let status = app.post(&format!("{}/status", made.location())).json(&example("StatusIn"));
    status.send().await.expect(200);
    let moved = app.post(&format!("{}/reschedule", made.location()));
    moved.json(&json!({ "start": "2035-01-16T09:10:00" })).send().await.expect(200);
    let cancel = app.post(&format!("{}/cancel", made.location())).json(&example("CancellationIn"));
    cancel.send().await.expect(200);
    for (path, name) in [("resources", "ResourceIn"), ("visit-types", "VisitTypeIn")] {
        app.post(&format!("{clinic}/{path}")).json(&example(name)).send().await.expect(201);
    }
    let mut leave = example("ExceptionIn");
    leave["staff_id"] = booking["staff_id"].clone();
    leave["first_date"] = json!("2035-02-05");
    leave["last_date"] = json!("2035-02-16");
    app.post(&format!("{clinic}/exceptions")).json(&leave).send().await.expect(201);
    let mut hold = example("HoldIn");
    hold["staff_id"] = booking["staff_id"].clone();
    hold["start"] = booking["start"].clone();
    let held = Held::of(&app.post(&format!("{clinic}/holds")).json(&hold).send().await.expect(201));
    let mut confirmation = example("HoldConfirmation");
    confirmation["patient_id"] = booking["patient_id"].clone();
    confirmation["hold_secret"] = json!(held.secret);
    app.post(&format!("{}/confirm", held.path)).json(&confirmation).send().await.expect(200);
}

/// Answers have the members that the document says, and no others.
#[tokio::test]
async fn answers_have_the_documented_members() {
    let app = TestApp::spawn().await;
    let clinic = app.ready_clinic().await;
    let appointment = app.booked(&clinic, "2035-01-16T09:00:00").await;
    let closed = app.closed(&clinic.path, "2035-02-01", "2035-02-01").await;
    let answers = [
        ("Clinic", clinic.path.clone()),
        ("StaffMember", format!("{}/staff/{}", clinic.path, clinic.staff)),
        ("Patient", format!("/v1/patients/{}", clinic.patient)),
        ("Appointment", appointment),
        ("ClinicOverview", format!("{}/overview", clinic.path)),
        ("Resource", format!("{}/resources/{}", clinic.path, app.resource(&clinic.path).await)),
        (
            "VisitType",
            format!("{}/visit-types/{}", clinic.path, app.visit_type(&clinic.path).await),
        ),
        ("Exception", format!("{}/exceptions/{closed}", clinic.path)),
        ("Availability", format!("{}/availability?duration_minutes=30", clinic.path)),
        ("Day", format!("{}/day/2035-01-16", clinic.path)),
        ("Problem", "/nope".to_owned()),
    ];
    let schemas = DOCUMENT["components"]["schemas"].clone();
    for (name, path) in answers {
        let answer = app.get(&path).send().await.json();
        let properties = schemas[name]["properties"].as_object().unwrap();
        for member in answer.as_object().unwrap().keys() {
            assert!(properties.contains_key(member), "{name}.{member} is not documented");
        }
        for required in schemas[name]["required"].as_array().unwrap() {
            assert!(
                answer.get(required.as_str().unwrap()).is_some(),
                "{name}.{required} is missing"
            );
        }
    }
}

#[test]
fn patches_say_what_their_objects_take_and_bodies_are_never_null() {
    fn closed(name: &str, schema: &Value) -> usize {
        let object = schema["type"] == "object" || schema["type"] == json!(["object", "null"]);
        assert!(!object || schema["additionalProperties"] == false, "{name}: {schema}");
        assert!(!object || schema.get("required").is_none(), "{name}: {schema}");
        let members = schema["properties"].as_object().into_iter().flatten();
        usize::from(object) + members.map(|(name, member)| closed(name, member)).sum::<usize>()
    }
    let schemas = DOCUMENT["components"]["schemas"].as_object().unwrap().iter();
    let patches = schemas.filter(|(name, _)| name.ends_with("Patch"));
    let objects: usize = patches.map(|(name, schema)| closed(name, schema)).sum();
    assert!(objects > 4, "nested ones too: {objects}");
    for (name, operation) in named() {
        let contents = operation["requestBody"]["content"].as_object().into_iter().flatten();
        for (_, content) in contents {
            let null = json!({ "type": "null" });
            let either = content["schema"]["oneOf"].as_array().cloned().unwrap_or_default();
            assert!(!either.contains(&null), "{name}");
        }
    }
}
