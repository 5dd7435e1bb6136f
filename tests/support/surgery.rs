//! The place where receptionists work: a clinic, the services, and the expected state of each appointment.

use std::collections::BTreeMap;

use axum::http::Method;
use clinic_api::{appointments::model::Appointment, store::Entity};
use jiff::{SignedDuration, Timestamp};
use rand::{Rng as _, rngs::StdRng};
use serde_json::{Value, json};

use super::TestApp;

const STAFF: usize = 4;
const PATIENTS: usize = 24;
const DAYS: i64 = 10;
const SLOTS: i64 = 16;

/// The last known state of each appointment, by id.
pub type Ledger = BTreeMap<String, Row>;

/// Start, staff member and status of an appointment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub staff: String,
    pub patient: String,
    pub start: Timestamp,
    pub status: String,
}

impl Row {
    /// The state that a response reports.
    pub fn told(answer: &Value) -> Self {
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        Self {
            staff: text("staff_id"),
            patient: text("patient_id"),
            start: text("start").parse().unwrap(),
            status: text("status"),
        }
    }
}

/// A request.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its method.
    pub method: Method,
    /// Its path, with a query.
    pub path: String,
    /// The body, if there is one.
    pub body: Option<Value>,
    /// Its `Idempotency-Key`.
    pub key: Option<String>,
}

impl Asked {
    /// A POST without a key.
    pub fn post(path: impl Into<String>, body: Value) -> Self {
        Self { method: Method::POST, path: path.into(), body: Some(body), key: None }
    }
}

/// Status and body of a response.
pub type Told = (u16, Value);

/// A service in this process or in another.
pub trait Service: Send + Sync + 'static {
    /// Sends a request; `None` if no response arrives.
    fn send(&self, asked: Asked) -> impl Future<Output = Option<Told>> + Send;
}

impl Service for TestApp {
    async fn send(&self, asked: Asked) -> Option<Told> {
        let mut call = self.request(asked.method, &asked.path);
        if let Some(body) = &asked.body {
            call = call.json(body);
        }
        if let Some(key) = &asked.key {
            call = call.idempotent(key);
        }
        let answer = call.send().await;
        Some((answer.status.as_u16(), answer.json()))
    }
}

/// The clinic, staff and patients.
#[derive(Debug)]
pub struct Surgery {
    /// The clinic's path.
    pub clinic: String,
    /// The ids of the staff.
    pub staff: Vec<String>,
    /// The ids of some patients.
    pub patients: Vec<String>,
    first_slot: Timestamp,
}

impl Surgery {
    /// Creates a clinic with some staff and patients.
    pub async fn open(service: &impl Service, first_slot: Timestamp) -> Self {
        let make = async |path: String, body: Value| {
            let (status, made) = service.send(Asked::post(path, body)).await.unwrap();
            assert_eq!(status, 201, "{made}");
            made["id"].as_str().unwrap().to_owned()
        };
        let clinic = json!({ "name": "Seefeld", "time_zone": "Europe/Zurich" });
        let clinic = format!("/v1/clinics/{}", make("/v1/clinics".to_owned(), clinic).await);
        let mut surgery = Self { clinic, staff: vec![], patients: vec![], first_slot };
        for _ in 0..STAFF {
            let staff = json!({ "name": "Dr. Keller", "role": "physician" });
            surgery.staff.push(make(format!("{}/staff", surgery.clinic), staff).await);
        }
        for _ in 0..PATIENTS {
            let patient = json!({ "name": "Ida Example" });
            surgery.patients.push(make("/v1/patients".to_owned(), patient).await);
        }
        surgery
    }

    /// The stored state of an appointment.
    pub fn row(stored: &Entity<Appointment>) -> (String, Row) {
        let appointment = &stored.value;
        let row = Row {
            staff: appointment.staff_id.to_string(),
            patient: appointment.patient_id.as_ref().unwrap().to_string(),
            start: appointment.start,
            status: appointment.status.to_string(),
        };
        (appointment.id.to_string(), row)
    }

    /// The start of a random slot.
    pub fn start(&self, rng: &mut StdRng) -> Timestamp {
        let minutes = 24 * 60 * rng.random_range(0..DAYS) + 30 * rng.random_range(0..SLOTS);
        self.first_slot + SignedDuration::from_mins(minutes)
    }
}
