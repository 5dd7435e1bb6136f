//! The examples of the OpenAPI document work: each is sent as it is served, in the order of a day, with ids of real records.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use clinic_api::time::Clock as _;
use jiff::SignedDuration;
use regex::{Captures, Regex};
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, document::operations};

/// A service, the document that it serves, and the latest record of each type.
struct Day {
    app: TestApp,
    document: Value,
    /// Ids by prefix.
    ids: BTreeMap<String, String>,
    hold_secret: String,
    sent: BTreeSet<String>,
}

impl Day {
    async fn begin() -> Self {
        let app = TestApp::spawn().await;
        let document = app.get("/openapi.json").anonymous().send().await.expect(200).json();
        Self {
            app,
            document,
            ids: BTreeMap::new(),
            hold_secret: String::new(),
            sent: BTreeSet::new(),
        }
    }

    fn resolved<'a>(&'a self, place: &'a Value) -> &'a Value {
        let reference = place["$ref"].as_str();
        reference.map_or(place, |path| self.document.pointer(path.trim_start_matches('#')).unwrap())
    }

    /// The path, the method and the definition of an operation.
    fn operation(&self, id: &str) -> (&str, &str, &Value) {
        let paths = self.document["paths"].as_object().unwrap().iter();
        let mut all = paths.flat_map(|(path, item)| {
            let operations = item.as_object().unwrap().iter();
            operations.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
        });
        all.find(|(.., operation)| operation["operationId"] == id).unwrap_or_else(|| panic!("{id}"))
    }

    /// The examples of the body of an operation, by name; one without a name if it takes no body.
    fn bodies(&self, operation: &Value) -> Vec<(String, Option<Value>)> {
        let content = &operation["requestBody"]["content"]["application/json"];
        if content.is_null() {
            return vec![(String::new(), None)];
        }
        if let Some(examples) = content["examples"].as_object() {
            let named = examples.iter();
            return named.map(|(name, it)| (name.clone(), Some(it["value"].clone()))).collect();
        }
        let of_schema = || self.resolved(&content["schema"])["example"].clone();
        vec![(String::new(), Some(content.get("example").cloned().unwrap_or_else(of_schema)))]
    }

    /// Merges another new patient into the known one.
    async fn merge(&mut self) {
        let into = self.ids["PAT"].clone();
        self.send("create_patient", "with_name_only").await;
        let (_, method, operation) = self.operation("merge_patient");
        let (_, body) = self.bodies(operation).pop().unwrap();
        let mut body = body.unwrap();
        assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
        body["into"] = json!(into);
        let path = format!("/v1/patients/{}/merge", self.ids["PAT"]);
        let call = self.app.request(method.to_uppercase().parse::<Method>().unwrap(), &path);
        call.json(&body).send().await.expect(200);
        self.sent.insert("merge_patient ".to_owned());
        self.ids.insert("PAT".to_owned(), into);
    }

    /// A text with the ids of real records in place of those of the examples.
    fn with_ids(&self, text: &str) -> String {
        let id = Regex::new("([A-Z]{3})-[0-9A-Z]{24}").unwrap();
        id.replace_all(text, |found: &Captures| {
            self.ids.get(&found[1]).unwrap_or_else(|| panic!("no {}", &found[0])).clone()
        })
        .into_owned()
    }

    /// The path of an operation with the examples of its required parameters.
    fn path(&self, template: &str, operation: &Value) -> String {
        let prefixes = [
            ("clinic_id", "CLN"),
            ("staff_id", "STF"),
            ("patient_id", "PAT"),
            ("appointment_id", "APT"),
            ("exception_id", "EXC"),
            ("resource_id", "RES"),
            ("visit_type_id", "VTY"),
            ("webhook_id", "WHK"),
            ("delivery_id", "DLV"),
        ];
        let (mut path, mut query) = (template.to_owned(), Vec::new());
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let parameter = self.resolved(parameter);
            let (name, example) = (parameter["name"].as_str().unwrap(), &parameter["example"]);
            if parameter["required"] != true {
                // Swagger UI would send it.
                assert!(example.is_null(), "{template}: {name} is optional and has an example");
                assert!(parameter["schema"]["example"].is_null(), "{template}: {name}");
                continue;
            }
            let prefix = prefixes.iter().find(|(known, _)| *known == name);
            let value = match prefix {
                Some((_, prefix)) => self.ids[*prefix].clone(),
                None => example.as_str().unwrap_or_else(|| panic!("{template}: {name}")).to_owned(),
            };
            match parameter["in"].as_str().unwrap() {
                "path" => path = path.replace(&format!("{{{name}}}"), &value),
                _ => query.push(format!("{name}={value}")),
            }
        }
        // The length of the visit is either of two optional parameters.
        if template.ends_with("/availability") {
            query.push("duration_minutes=30".to_owned());
        }
        // So are the parts of a search.
        if operation["operationId"] == "find_patients" {
            query.push("name=ida".to_owned());
        }
        if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
    }

    /// Sends one example of an operation, or the only one, and expects success.
    async fn send(&mut self, id: &str, name: &str) -> Answer {
        let (template, method, operation) = self.operation(id);
        let bodies = self.bodies(operation);
        let found = bodies.into_iter().find(|(known, _)| known == name);
        let (_, body) = found.unwrap_or_else(|| panic!("{id} has no example {name:?}"));
        let path = self.path(template, operation);
        let call = self.app.request(method.to_uppercase().parse::<Method>().unwrap(), &path);
        let call = match body {
            None => call,
            Some(mut body) => {
                if let Some(secret) = body.get_mut("hold_secret") {
                    *secret = json!(self.hold_secret);
                }
                call.json(&serde_json::from_str(&self.with_ids(&body.to_string())).unwrap())
            }
        };
        let answer = call.send().await;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(answer.status.is_success(), "{id} {name}: {} {text}", answer.status);
        self.sent.insert(format!("{id} {name}"));
        if let Ok(Value::Object(record)) = serde_json::from_str::<Value>(&text) {
            if let Some(made) = record.get("id").and_then(Value::as_str) {
                self.ids.insert(made[..3].to_owned(), made.to_owned());
            }
            if let Some(secret) = record.get("hold_secret").and_then(Value::as_str) {
                secret.clone_into(&mut self.hold_secret);
            }
        }
        answer
    }

    async fn send_all(&mut self, ids: &[&str]) {
        for id in ids {
            self.send(id, "").await;
        }
    }

    async fn set_up(&mut self) {
        self.send_all(&["get_liveness", "get_readiness", "get_version"]).await;
        self.send_all(&["create_clinic", "list_clinics", "get_clinic", "update_clinic"]).await;
        for (one, many) in
            [("staff_member", "staff"), ("visit_type", "visit_types"), ("resource", "resources")]
        {
            let (create, list) = (format!("create_{one}"), format!("list_{many}"));
            let (get, update) = (format!("get_{one}"), format!("update_{one}"));
            self.send_all(&[&create, &list, &get, &update]).await;
        }
        self.send_all(&["create_exception", "list_exceptions", "get_exception"]).await;
        self.send("create_patient", "with_name_only").await;
        self.send("create_patient", "with_record_number").await;
        self.send_all(&["find_patients", "get_patient", "update_patient"]).await;
        self.merge().await;
        self.send_all(&["create_webhook", "list_webhooks", "get_webhook", "update_webhook"]).await;
    }

    async fn book(&mut self) -> String {
        self.send("list_availability", "").await;
        self.send("create_hold", "by_length").await;
        self.send("confirm_hold", "").await;
        self.send("create_hold", "by_visit_type").await;
        self.send("release_hold", "").await;
        let mut first = String::new();
        for example in ["by_length", "by_visit_type", "with_a_room", "overbooked"] {
            self.send("create_appointment", example).await;
            if first.is_empty() {
                self.ids["APT"].clone_into(&mut first);
            }
        }
        self.send_all(&["get_appointment", "update_appointment", "list_clinic_appointments"]).await;
        self.send_all(&["list_patient_appointments", "get_day", "get_clinic_overview"]).await;
        self.send("delete_appointment", "").await;
        first
    }

    async fn move_and_close(&mut self, appointment: String) {
        self.ids.insert("APT".to_owned(), appointment);
        for example in ["to_another_time", "to_another_room", "longer"] {
            self.send("reschedule_appointment", example).await;
        }
        self.send("change_appointment_status", "confirmed").await;
        // The outcomes are accepted from the day of the visit on.
        self.app.clock.advance(SignedDuration::from_hours(24 * 10));
        for example in ["checked_in", "completed"] {
            self.send("change_appointment_status", example).await;
        }
    }
}

#[tokio::test]
async fn every_example_is_accepted_in_the_order_of_a_day() {
    let mut day = Day::begin().await;
    day.set_up().await;
    let appointment = day.book().await;
    day.move_and_close(appointment).await;
    // A patient who does not come, and one who cancels.
    for (operation, example) in
        [("change_appointment_status", "no_show"), ("cancel_appointment", "")]
    {
        let made = day.booked_today().await;
        day.ids.insert("APT".to_owned(), made);
        day.send(operation, example).await;
    }
    day.app.process_changes().await;
    day.send_all(&["list_appointment_audit_events", "list_patient_audit_events"]).await;
    day.send_all(&["list_clinic_audit_events", "list_patient_accesses", "export_patient"]).await;
    let delivery = day.app.delivery(&format!("/v1/webhooks/{}", day.ids["WHK"])).await;
    day.ids.insert("DLV".to_owned(), delivery.rsplit('/').next().unwrap().to_owned());
    day.send_all(&["list_deliveries", "get_delivery", "replay_delivery"]).await;
    day.send_all(&["rotate_webhook_secret", "delete_webhook", "delete_exception"]).await;
    day.app.clock.advance(SignedDuration::from_hours(24));
    day.send_all(&["delete_patient", "delete_staff_member", "delete_resource"]).await;
    day.send_all(&["delete_visit_type", "delete_clinic"]).await;
    let mut all = BTreeSet::new();
    for (.., operation) in operations() {
        let id = operation["operationId"].as_str().unwrap();
        all.extend(
            day.bodies(day.operation(id).2).into_iter().map(|(name, _)| format!("{id} {name}")),
        );
    }
    assert_eq!(day.sent, all, "every example of every operation");
}

impl Day {
    /// An appointment of the current day of the clock, by id.
    async fn booked_today(&self) -> String {
        let body = json!({
            "staff_id": self.ids["STF"], "patient_id": self.ids["PAT"], "duration_minutes": 30,
            "start": self.app.clock.now().to_string(),
            "overrides": { "any_hours": true, "overbook": true, "reason": "walk-in" }
        });
        let path = format!("/v1/clinics/{}/appointments", self.ids["CLN"]);
        let made = self.app.post(&path).json(&body).send().await.expect(201);
        made.json()["id"].as_str().unwrap().to_owned()
    }
}
