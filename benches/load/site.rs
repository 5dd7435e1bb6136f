//! A store, a service, and a clinic with the data for the requests.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    body::Bytes,
    http::{Request, StatusCode},
};
use clinic_api::{
    store::{Store, embedded::Served},
    time::{Clock as _, SystemClock},
};
use http_body_util::Full;
use jiff::{ToSpan as _, Zoned, civil::Date, tz::TimeZone};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    drive::Asks,
    measured::Process,
    service::{Api, HttpClient, client_of, on_endpoint, serve, without_stream},
};

/// The kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Livez,
    Patient,
    Appointment,
    Day,
    Book,
}

/// The size of the clinic.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Staff members. Concurrent bookings are spread over them.
    pub staff: usize,
    /// Appointments in the day sheets that the bare SDK reads.
    pub in_sheets: usize,
}

impl Default for Size {
    fn default() -> Self {
        Self { staff: 40, in_sheets: HALF_A_DAY }
    }
}

/// Patients per staff member.
const PATIENTS_EACH: usize = 4;
/// Appointments per day of one staff member: every ten minutes, and none across UTC midnight.
const A_DAY: usize = 40;
/// Appointments on the listed day, all of one staff member.
const LISTED: usize = 25;
/// Appointments of a staff member on the day whose sheets the bare SDK reads: the average while days fill up.
const HALF_A_DAY: usize = A_DAY / 2;

/// The process with the store.
pub struct StoreProcess {
    _engine: Option<Served>,
    pub endpoint: String,
}

impl StoreProcess {
    async fn open() -> Self {
        if let Ok(endpoint) = std::env::var("CLINIC_TEST_ENDPOINT") {
            return Self { _engine: None, endpoint };
        }
        let engine = Served::in_memory().await.unwrap();
        Self { endpoint: engine.endpoint().to_owned(), _engine: Some(engine) }
    }
}

/// The state that callers share.
pub struct Callers {
    api: Api,
    pub table: String,
    pub endpoint: String,
    first_day: Date,
    pub clinic: String,
    pub staff: Vec<String>,
    pub patients: Vec<String>,
    pub appointment: String,
    booked: Arc<AtomicUsize>,
}

/// A running service and its resources.
pub struct Site {
    pub callers: Arc<Callers>,
    pub service: Process,
    _store: StoreProcess,
    pub start: Duration,
    _folder: TempDir,
}

impl Site {
    /// Starts the store and the service, which is `program`, and creates the data.
    pub async fn open(program: Command) -> Self {
        Self::open_as(program, Size::default()).await
    }

    /// The same with a clinic of this size.
    pub async fn open_as(mut program: Command, size: Size) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = StoreProcess::open().await;
        let table = format!("bench-{:x}", rand::random::<u64>());
        let client = client_of(&store.endpoint);
        Store::new(client, table.clone()).create_table().await.unwrap();
        if std::env::var("CLINIC_TEST_ENDPOINT").is_ok() {
            without_stream(&store.endpoint, &table).await;
        }
        program.args(["serve", "--log-format", "json"]);
        on_endpoint(&mut program, &store.endpoint, &table);
        let (service, api, start) = serve(program, folder.path()).await;
        let today = Zoned::new(SystemClock.now(), TimeZone::UTC).date();
        let mut callers = Callers {
            api,
            table,
            endpoint: store.endpoint.clone(),
            first_day: today + 4.days(),
            clinic: String::new(),
            staff: Vec::new(),
            patients: Vec::new(),
            appointment: String::new(),
            booked: Arc::default(),
        };
        callers.fill(size).await;
        Self { callers: Arc::new(callers), service, _store: store, start, _folder: folder }
    }

    /// Stops the service.
    pub fn close(self) {
        self.service.end();
    }
}

impl Callers {
    async fn make(&self, path: &str, body: Value) -> String {
        let (status, made) = self.api.send("POST", path, Some(body)).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        made["id"].as_str().unwrap().to_owned()
    }

    /// Creates a clinic with staff, patients, and the appointments of the listed day.
    async fn fill(&mut self, size: Size) {
        let clinic = json!({ "name": "Seefeld", "time_zone": "Etc/UTC" });
        self.clinic = format!("/v1/clinics/{}", self.make("/v1/clinics", clinic).await);
        for _ in 0..size.staff {
            let member = json!({ "name": "Dr. Anna Keller", "role": "physician" });
            self.staff.push(self.make(&format!("{}/staff", self.clinic), member).await);
        }
        for _ in 0..size.staff * PATIENTS_EACH {
            let patient = json!({ "name": "Ida Example", "birth_date": "1984-05-17",
                "phones": [{ "value": "+41445551234" }], "email": "ida@example.org" });
            self.patients.push(self.make("/v1/patients", patient).await);
        }
        for (day, appointments) in
            [(self.half_full_day(), size.in_sheets), (self.listed_day(), LISTED)]
        {
            for number in 0..appointments {
                let path = format!("{}/appointments", self.clinic);
                self.appointment = self.make(&path, self.booking(day, 0, number)).await;
            }
        }
    }

    fn booking(&self, day: Date, party: usize, number: usize) -> Value {
        let patient = party + self.staff.len() * (number % PATIENTS_EACH);
        let minute = 8 * 60 + number * 10;
        json!({
            "staff_id": self.staff[party],
            "patient_id": self.patients[patient],
            "start": format!("{day}T{:02}:{:02}:00Z", minute / 60, minute % 60),
            "duration_minutes": 10,
        })
    }

    /// The next free time, day by day, each with the next staff member and one of their patients.
    fn next_booking(&self) -> Value {
        let number = self.booked.fetch_add(1, Ordering::Relaxed);
        let (party, slot) = (number % self.staff.len(), number / self.staff.len());
        let day = self.first_day + i64::try_from(slot / A_DAY).unwrap().days();
        self.booking(day, party, slot % A_DAY)
    }

    /// The listed day.
    pub fn listed_day(&self) -> Date {
        self.first_day.yesterday().unwrap()
    }

    /// The day on which the first staff member has half of the possible appointments.
    pub fn half_full_day(&self) -> Date {
        self.listed_day().yesterday().unwrap()
    }
}

impl Asks for Callers {
    type Target = Target;

    fn client(&self) -> &HttpClient {
        &self.api.client
    }

    fn request(&self, target: Target) -> (Request<Full<Bytes>>, StatusCode) {
        let path = match target {
            Target::Livez => "/livez".to_owned(),
            Target::Patient => format!("/v1/patients/{}", self.patients[0]),
            Target::Appointment => format!("{}/appointments/{}", self.clinic, self.appointment),
            Target::Day => {
                format!("{}/appointments?date={}", self.clinic, self.listed_day())
            }
            Target::Book => {
                let path = format!("{}/appointments", self.clinic);
                let request = self.api.build("POST", &path, Some(self.next_booking()));
                return (request, StatusCode::CREATED);
            }
        };
        (self.api.build("GET", &path, None), StatusCode::OK)
    }
}
