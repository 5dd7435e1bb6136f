//! A valid request for every operation of the document, and the records that it refers to.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::{Value, json};

use super::{
    Answer, TestApp,
    document::{example, good_body, id_of, operations, plain_collections},
    id,
};

/// The records that operations can refer to.
#[derive(Debug, Clone)]
pub struct Records {
    pub clinic: String,
    pub staff: String,
    pub patient: String,
    pub other_patient: String,
    pub appointment: String,
    pub exception: String,
    pub hold: String,
    pub hold_secret: String,
    pub webhook: String,
    pub delivery: String,
    /// The ids of the clinic's plain records, by collection.
    pub plain: BTreeMap<String, String>,
}

impl Records {
    pub async fn make(app: &TestApp) -> Self {
        let clinic = app.ready_clinic().await;
        let appointment = app.booked(&clinic, "2035-01-16T09:00:00").await;
        let mut plain = BTreeMap::new();
        for collection in plain_collections().filter(|name| name != "staff") {
            let path = format!("{}/{collection}", clinic.path);
            let made = app.post(&path).json(&good_body(&collection)).send().await.expect(201);
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
            other_patient: app.patient().await,
            appointment,
            exception,
            hold: held.path,
            hold_secret: held.secret,
            webhook,
            delivery,
            plain,
        }
    }

    /// The same without the appointments, which block deletions.
    pub async fn make_deletable(app: &TestApp) -> Self {
        let records = Self::make(app).await;
        app.delete(&records.appointment).send().await.expect(204);
        let secret = json!({ "hold_secret": records.hold_secret });
        app.post(&format!("{}/release", records.hold)).json(&secret).send().await.expect(200);
        records
    }

    /// The same without any record that blocks the clinic's deletion.
    pub async fn make_empty(app: &TestApp) -> Self {
        let records = Self::make_deletable(app).await;
        let Self { clinic, staff, plain, .. } = &records;
        app.delete(&format!("{clinic}/staff/{staff}")).send().await.expect(204);
        for (collection, id) in plain {
            app.delete(&format!("{clinic}/{collection}/{id}")).send().await.expect(204);
        }
        records
    }

    /// A path of the document with the ids of these records.
    fn path(&self, template: &str) -> String {
        fn last(path: &str) -> &str {
            path.rsplit('/').next().unwrap()
        }
        let mut collection = "";
        let parts = template.split('/').map(|part| {
            let part: &str = match part {
                "{clinic_id}" => last(&self.clinic),
                "{staff_id}" => &self.staff,
                "{patient_id}" => &self.patient,
                "{appointment_id}" if collection == "holds" => last(&self.hold),
                "{appointment_id}" => last(&self.appointment),
                "{exception_id}" => &self.exception,
                "{webhook_id}" => last(&self.webhook),
                "{delivery_id}" => last(&self.delivery),
                "{date}" => "2035-01-16",
                name if name.starts_with('{') => &self.plain[collection],
                name => name,
            };
            collection = part;
            part
        });
        parts.collect::<Vec<_>>().join("/")
    }
}

/// A request that succeeds for an authorised caller: method, path and body. Paths and bodies come from the document. A new
/// operation needs nothing here, unless the example of its body matches no record.
pub fn request(operation: &str, at: &Records) -> (Method, String, Option<Value>) {
    let found = operations().find(|(.., found)| id_of(found) == operation);
    let (path, method, found) =
        found.unwrap_or_else(|| panic!("{operation} is not in the document"));
    let query = match operation {
        "find_patients" => "?mrn=A-1",
        "list_availability" => "?duration_minutes=30",
        _ => "",
    };
    let body = found.get("requestBody").map(|_| body(operation, example(found), at));
    (method.to_uppercase().parse().unwrap(), format!("{}{query}", at.path(path)), body)
}

/// The example of a body, adapted to these records and to a future time.
fn body(operation: &str, mut example: Value, at: &Records) -> Value {
    let start = match operation {
        "create_appointment" => "2035-01-17T09:00:00",
        "create_hold" => "2035-01-19T09:00:00",
        _ => "2035-01-16T10:00:00",
    };
    let fitting = [
        ("staff_id", at.staff.as_str()),
        ("patient_id", at.patient.as_str()),
        ("into", at.other_patient.as_str()),
        ("hold_secret", at.hold_secret.as_str()),
        ("start", start),
        ("first_date", "2035-03-01"),
        ("last_date", "2035-03-02"),
    ];
    for (name, value) in fitting {
        if let Some(member) = example.get_mut(name) {
            *member = json!(value);
        }
    }
    // Record numbers and identifiers are unique, and the exception is to close the whole clinic.
    let left_out: &[&str] = match operation {
        "create_patient" => &["mrn", "identifiers"],
        "create_exception" => &["staff_id"],
        _ => &[],
    };
    for member in left_out {
        example.as_object_mut().unwrap().remove(*member);
    }
    example
}

/// Sends that request.
pub async fn send(app: &TestApp, operation: &str, at: &Records) -> Answer {
    let (method, path, body) = request(operation, at);
    let call = app.request(method, &path);
    match body {
        Some(body) => call.json(&body),
        None => call,
    }
    .send()
    .await
}
