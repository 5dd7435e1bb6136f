//! The OpenAPI document: as committed, as served, and consistent with the service's behaviour.

use std::collections::BTreeSet;

use clinic_api::{openapi::move_dates, router};
use serde_json::{Value, json};

use crate::support::{
    TestApp,
    document::{DOCUMENT, id_of, operations, parameters, resolved},
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
    let today = jiff::civil::date(2035, 1, 15);
    let moved = move_dates(include_str!("../../openapi/openapi.json"), today);
    let moved: Value = serde_json::from_str(&moved).unwrap();
    assert!(served.json() == moved, "what is served is not what is committed");
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
        for parameter in parameters(operation) {
            let required = parameter["in"] == "path";
            assert!(!required || parameter["required"] == true, "{name}: {parameter}");
            assert!(parameter["schema"].is_object(), "{name}: {parameter}");
            assert!(parameter["description"].is_string(), "{name}: {parameter}");
        }
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{name}: no success");
        for (status, response) in responses {
            let response = resolved(response);
            assert!(
                response["description"].as_str().is_some_and(|text| !text.is_empty()),
                "{name} {status}"
            );
            if status.as_str() >= "400" && status != "431" {
                let content = &response["content"]["application/problem+json"];
                let schema = &content["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/Problem", "{name} {status}");
                let examples = content["examples"].as_object().unwrap();
                assert!(!examples.is_empty(), "{name} {status}");
                for (code, example) in examples {
                    let example = &resolved(example)["value"];
                    assert_eq!(example["status"].to_string(), *status, "{name} {status}");
                    assert_eq!(example["code"], **code, "{name} {status}");
                }
            }
        }
        // Two probes have no limit and read no table.
        let is_always_served = ["get /livez", "get /version"].contains(&name.as_str());
        assert!(responses.contains_key("500"), "{name}");
        assert_eq!(responses.contains_key("503"), !is_always_served, "{name}");
        // The path states what to do.
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
            let keyed = parameters(operation).any(|known| known["name"] == "Idempotency-Key");
            assert!(keyed, "{name}: Idempotency-Key");
        }
    }
    assert!(!ids.is_empty());
}

/// Repeated parts are components, so that the document and generated clients stay small.
#[test]
fn the_document_is_small() {
    let document = include_str!("../../openapi/openapi.json");
    assert!(document.len() <= 320 * 1024, "{} bytes", document.len());
}

/// Generators create a file per tag, and lose an operation whose tag is also that of a webhook.
#[test]
fn no_tag_has_both_operations_and_webhooks() {
    let tag = |operation: &'static Value| operation["tags"][0].as_str().unwrap();
    let of_operations: BTreeSet<_> = operations().map(|(.., operation)| tag(operation)).collect();
    let webhooks = DOCUMENT["webhooks"].as_object().unwrap().values();
    let of_webhooks: BTreeSet<_> = webhooks.map(|item| tag(&item["post"])).collect();
    assert!(of_operations.is_disjoint(&of_webhooks), "{of_webhooks:?}");
    let described = DOCUMENT["tags"].as_array().unwrap().iter();
    let described: BTreeSet<_> = described.map(|tag| tag["name"].as_str().unwrap()).collect();
    assert_eq!(&of_operations | &of_webhooks, described);
}

/// Responses and events omit members without a value. Bodies accept null for them.
#[test]
fn answers_and_events_know_no_null() {
    fn follow(part: &'static Value, found: &mut BTreeSet<&'static str>) {
        match part {
            Value::Object(members) => {
                if let Some(path) = part["$ref"].as_str()
                    && found.insert(path)
                {
                    follow(resolved(part), found);
                }
                members.values().for_each(|member| follow(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| follow(item, found)),
            _ => {}
        }
    }
    let (mut answered, mut sent) = (BTreeSet::new(), BTreeSet::new());
    for (_, operation) in named() {
        follow(&operation["responses"], &mut answered);
        follow(&operation["requestBody"], &mut sent);
    }
    follow(&DOCUMENT["webhooks"], &mut answered);
    let own: Vec<_> = answered.difference(&sent).collect();
    assert!(own.len() > 50, "{own:?}");
    for path in own {
        let schema = DOCUMENT.pointer(path.trim_start_matches('#')).unwrap().to_string();
        assert!(!schema.contains(r#""null""#), "{path}: {schema}");
    }
}

/// Generators make a member with a default required, create a separate type for an inline object, and hide a language's own class
/// with a schema of the same name.
#[test]
fn schemas_make_good_types() {
    fn check(at: &str, schema: &Value) {
        assert!(schema.get("default").is_none(), "{at} has a default");
        let items = &schema["items"];
        assert!(items.get("properties").is_none(), "{at}: the items have no name");
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            check(&format!("{at}.{name}"), member);
        }
    }
    let vague = [
        "By",
        "Date",
        "Day",
        "Error",
        "Exception",
        "File",
        "Object",
        "Override",
        "Place",
        "Record",
        "Resource",
        "Response",
        "Result",
        "Slot",
        "Span",
        "Status",
        "String",
        "Thread",
    ];
    for (name, schema) in DOCUMENT["components"]["schemas"].as_object().unwrap() {
        assert!(!vague.contains(&name.as_str()), "{name}");
        check(name, schema);
    }
}

/// Members have the order of the program, the most important first.
#[test]
fn members_keep_their_order() {
    let document = include_str!("../../openapi/openapi.json");
    let schema = document.split(r#""Patient":{"#).nth(1).unwrap().split("\"properties\":{").nth(1);
    assert!(schema.unwrap().starts_with(r#""id":"#), "{:.60}", schema.unwrap());
}

/// Conflicts are documented exactly where they can occur.
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
        "export_patient",
        "merge_patient",
        "release_hold",
        "reschedule_appointment",
        "update_appointment",
        "update_patient",
    ];
    assert_eq!(with("409"), conflicts.into());
    assert_eq!(with("410"), ["confirm_hold", "release_hold"].into());
}

/// Exactly the operations that accept a precondition document the response when it is not met.
#[test]
fn preconditions_and_their_statuses_are_documented_together() {
    for (name, operation) in named() {
        for (header, status) in [("If-Match", "412"), ("If-None-Match", "304")] {
            let taken = parameters(operation).any(|parameter| parameter["name"] == header);
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
        // A patch has the members of the record that it changes.
        .filter(|name| !name.ends_with("Patch"));
    let others = ["Availability", "Event", "Problem"].map(str::to_owned);
    for name in bodies.chain(others) {
        assert!(schemas[&name]["example"].is_object(), "{name}");
    }
    for (name, page) in schemas.iter().filter(|(name, _)| name.ends_with("Page")) {
        let item = &page["properties"]["items"]["items"];
        let item = referenced(item).map_or(item, |name| &schemas[&name]);
        assert!(item["example"].is_object(), "{name}");
    }
}

/// Responses have exactly the documented members.
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
        (
            "ClinicResource",
            format!("{}/resources/{}", clinic.path, app.resource(&clinic.path).await),
        ),
        (
            "VisitType",
            format!("{}/visit-types/{}", clinic.path, app.visit_type(&clinic.path).await),
        ),
        ("Webhook", app.webhook("https://hooks.example.org/clinic").await),
        ("PatientExport", format!("/v1/patients/{}/export", clinic.patient)),
        ("ServiceVersion", "/version".to_owned()),
        ("AvailabilityException", format!("{}/exceptions/{closed}", clinic.path)),
        ("Availability", format!("{}/availability?duration_minutes=30", clinic.path)),
        ("ClinicDay", format!("{}/day/2035-01-16", clinic.path)),
        ("Problem", "/nope".to_owned()),
    ];
    let schemas = DOCUMENT["components"]["schemas"].clone();
    for (name, path) in answers {
        let answer = app.get(&path).send().await.json();
        assert!(!answer.to_string().contains(":null"), "{name}: {answer}");
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
