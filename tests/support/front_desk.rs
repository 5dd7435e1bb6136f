//! Sends the operations of the schedule model to a service over HTTP.

use std::{collections::BTreeMap, sync::Mutex};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    Answer, Call, Held, TestApp,
    schedule::{Op, Ret, Visit, Wanted},
};

/// The error codes with which the schedule can refuse.
const CODES: [&str; 8] = [
    "staff_busy",
    "resource_busy",
    "patient_busy",
    "hold_expired",
    "invalid_transition",
    "before_visit_day",
    "validation_failed",
    "not_found",
];

/// A clinic with the staff, patients and room that the operations refer to by number.
pub struct FrontDesk {
    clinic: String,
    staff: Vec<String>,
    patients: Vec<String>,
    room: String,
    /// The instant of minute 0.
    first_slot: Timestamp,
    made: Mutex<BTreeMap<Visit, Made>>,
}

#[derive(Debug, Clone)]
struct Made {
    path: String,
    hold: Option<Held>,
}

impl FrontDesk {
    /// Creates a clinic with this number of staff members and patients, and one room.
    pub async fn open(app: &TestApp, staff: usize, patients: usize, first_slot: &str) -> Self {
        let clinic = app.clinic().await;
        let mut desk = Self {
            room: app.resource(&clinic).await,
            clinic,
            staff: Vec::new(),
            patients: Vec::new(),
            first_slot: first_slot.parse().unwrap(),
            made: Mutex::default(),
        };
        for _ in 0..staff {
            desk.staff.push(app.staff_member(&desk.clinic).await);
        }
        for _ in 0..patients {
            desk.patients.push(app.patient().await);
        }
        desk
    }

    /// The same people on another day, without appointments.
    pub fn on_day(&self, days: i64) -> Self {
        let first_slot = self.first_slot + SignedDuration::from_hours(24 * days);
        let (clinic, room) = (self.clinic.clone(), self.room.clone());
        let (staff, patients) = (self.staff.clone(), self.patients.clone());
        Self { clinic, staff, patients, room, first_slot, made: Mutex::default() }
    }

    /// The appointments that a response has reported.
    pub fn known(&self) -> Vec<Visit> {
        self.made.lock().unwrap().keys().copied().collect()
    }

    /// The path of an appointment that a response has reported.
    pub fn path(&self, visit: Visit) -> Option<String> {
        self.made.lock().unwrap().get(&visit).map(|made| made.path.clone())
    }

    /// The instant of a minute.
    pub fn time(&self, minute: i64) -> Timestamp {
        self.first_slot + SignedDuration::from_mins(minute)
    }

    /// The number of the staff member with this id.
    pub fn staff_number(&self, id: &str) -> usize {
        self.staff.iter().position(|other| other == id).unwrap()
    }

    /// The request for an operation; `None` if it refers to an appointment that is not known yet.
    pub fn call(&self, app: &TestApp, op: &Op) -> Option<Call> {
        let (path, body) = match *op {
            Op::Book { wanted, overbook, .. } => {
                (format!("{}/appointments", self.clinic), self.place(&wanted, overbook))
            }
            Op::Hold { wanted, minutes, .. } => {
                let mut body = self.place(&wanted, false);
                body["hold_minutes"] = json!(minutes);
                (format!("{}/holds", self.clinic), body)
            }
            Op::Confirm { visit, patient } => {
                let hold = self.made(visit)?.hold?;
                let mut body = json!({ "hold_secret": hold.secret });
                body["patient_id"] = json!(patient.map(|number| &self.patients[number]));
                (format!("{}/confirm", hold.path), body)
            }
            Op::Release { visit } => {
                let hold = self.made(visit)?.hold?;
                (format!("{}/release", hold.path), json!({ "hold_secret": hold.secret }))
            }
            Op::Move { visit, staff, start, minutes, overbook } => {
                let mut body = json!({
                    "staff_id": self.staff[staff], "start": self.time(start).to_string(),
                    "duration_minutes": minutes
                });
                if overbook {
                    body["overrides"] = overrides();
                }
                (format!("{}/reschedule", self.made(visit)?.path), body)
            }
            Op::Cancel { visit } => (format!("{}/cancel", self.made(visit)?.path), json!({})),
            Op::Step { visit, status } => {
                (format!("{}/status", self.made(visit)?.path), json!({ "status": status }))
            }
            Op::Delete { visit } => return Some(app.delete(&self.made(visit)?.path)),
        };
        Some(app.post(&path).json(&body))
    }

    /// The outcome that a response reports; `None` if the service does not know it.
    #[track_caller]
    pub fn hear(&self, op: &Op, answer: &Answer) -> Option<Ret> {
        if answer.status.is_server_error() {
            return None;
        }
        if answer.status.is_client_error() {
            let code = answer.json()["code"].as_str().unwrap().to_owned();
            let foreseen = CODES.into_iter().find(|known| *known == code);
            let body = String::from_utf8_lossy(&answer.body);
            return Some(Ret::Refused(foreseen.unwrap_or_else(|| panic!("{op:?}: {body}"))));
        }
        assert!(answer.status.is_success(), "{op:?}: {answer:?}");
        if let Op::Book { visit, .. } | Op::Hold { visit, .. } = op {
            let hold = matches!(op, Op::Hold { .. }).then(|| Held::of(answer));
            let path = answer.location();
            self.made.lock().unwrap().insert(*visit, Made { path, hold });
        }
        Some(Ret::Done)
    }

    fn made(&self, visit: Visit) -> Option<Made> {
        self.made.lock().unwrap().get(&visit).cloned()
    }

    fn place(&self, wanted: &Wanted, overbook: bool) -> Value {
        let mut body = json!({
            "staff_id": self.staff[wanted.staff], "start": self.time(wanted.start).to_string(),
            "duration_minutes": wanted.minutes
        });
        if let Some(patient) = wanted.patient {
            body["patient_id"] = json!(self.patients[patient]);
        }
        if wanted.room {
            body["resource_ids"] = json!([self.room]);
        }
        if overbook {
            body["overrides"] = overrides();
        }
        body
    }
}

fn overrides() -> Value {
    json!({ "overbook": true, "reason": "emergency" })
}
