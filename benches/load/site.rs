//! A store, the service in front of it, and a clinic with what is asked for.

use std::{
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client,
    config::{Credentials, Region},
};
use axum::{
    body::Bytes,
    http::{Request, StatusCode},
};
use clinic_api::{
    http::auth::{Principal, Role, development::DevelopmentIssuer, principal::Clinics},
    store::{Store, client::local_config, embedded::Served},
    time::{Clock as _, SystemClock},
};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{Client as HttpClient, connect::HttpConnector},
    rt::TokioExecutor,
};
use jiff::{SignedDuration, ToSpan as _, Zoned, civil::Date, tz::TimeZone};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::{drive::Target, measured::Process, slow_store};

/// Staff members of the clinic, and as many patients: one sees the other all day.
const STAFF: usize = 40;
/// Appointments of a day of one staff member: every ten minutes, so that none is over UTC midnight.
const A_DAY: usize = 40;
/// Appointments of the day that is listed.
const LISTED: usize = 25;

/// Where the data are.
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

/// The service, as it is shipped.
pub fn service() -> Command {
    Command::new(env!("CARGO_BIN_EXE_clinic-api"))
}

/// What callers share. Clones know the same records, and ask on the same connections.
#[derive(Clone)]
pub struct Callers {
    pub client: HttpClient<HttpConnector, Full<Bytes>>,
    pub table: String,
    pub endpoint: String,
    base: String,
    token: String,
    first_day: Date,
    pub clinic: String,
    pub staff: Vec<String>,
    pub patients: Vec<String>,
    pub appointment: String,
    booked: Arc<AtomicUsize>,
}

/// A running service, and what ends with the benchmark.
pub struct Site {
    pub callers: Arc<Callers>,
    pub service: Process,
    _store: StoreProcess,
    pub start: Duration,
    _folder: TempDir,
}

fn wide_limits(command: &mut Command) {
    for limit in ["ADDRESS", "PRINCIPAL", "ORGANISATION"] {
        command.env(format!("CLINIC_API_RATE_PER_{limit}"), "4000000000");
    }
}

impl Site {
    /// Starts store and service, which `program` is, and makes what is asked for.
    pub async fn open(program: Command) -> Self {
        Self::open_far_from_store(program, None).await
    }

    /// The same, where every call arrives at the store so much later.
    pub async fn open_far_from_store(mut program: Command, latency: Option<Duration>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = StoreProcess::open().await;
        let table = format!("bench-{:x}", rand::random::<u64>());
        let config = local_config(&store.endpoint)
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("x", "x", None, None, "bench"));
        Store::new(Client::from_conf(config.build()), table.clone()).create_table().await.unwrap();
        let issuer = folder.path().join("issuer");
        let token = token(&DevelopmentIssuer::in_folder(&issuer).unwrap());
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let endpoint = match latency {
            Some(latency) => slow_store::before(&store.endpoint, latency).await,
            None => store.endpoint.clone(),
        };
        program
            .args(["serve", "--listen", &address.to_string(), "--log-format", "json"])
            .current_dir(folder.path())
            .env("CLINIC_API_DEVELOPMENT_ISSUER", issuer)
            .env("CLINIC_API_STORE", "dynamodb")
            // As in the image.
            .env("MIMALLOC_ARENA_EAGER_COMMIT", "0")
            .env("CLINIC_API_TABLE", &table)
            .env("CLINIC_API_CURSOR_KEYS", "A".repeat(43))
            .env("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "x")
            .env("AWS_SECRET_ACCESS_KEY", "x")
            .stdout(Stdio::null())
            // What is logged is written, as it is where it is shipped.
            .stderr(Stdio::null());
        wide_limits(&mut program);
        let client = HttpClient::builder(TokioExecutor::new()).build_http();
        let today = Zoned::new(SystemClock.now(), TimeZone::UTC).date();
        let mut callers = Callers {
            client,
            table,
            endpoint: store.endpoint.clone(),
            base: format!("http://{address}"),
            token,
            first_day: today + 3.days(),
            clinic: String::new(),
            staff: Vec::new(),
            patients: Vec::new(),
            appointment: String::new(),
            booked: Arc::default(),
        };
        let begun = Instant::now();
        let service = Process::start(&mut program);
        while callers.try_get("/readyz").await != Some(StatusCode::OK) {
            sleep(Duration::from_millis(2)).await;
        }
        let start = begun.elapsed();
        callers.fill().await;
        Self { callers: Arc::new(callers), service, _store: store, start, _folder: folder }
    }

    /// Ends the service.
    pub fn close(self) {
        self.service.end();
    }
}

fn token(issuer: &DevelopmentIssuer) -> String {
    let admin = Principal {
        org: "ORG-DEMO".parse().unwrap(),
        subject: "bench".to_owned(),
        roles: [Role::Admin].into(),
        clinics: Clinics::All,
        patient: None,
    };
    issuer.token(&admin, SystemClock.now(), SignedDuration::from_hours(8)).unwrap()
}

impl Callers {
    /// The same with connections of their own.
    pub fn apart(&self) -> Self {
        Self { client: HttpClient::builder(TokioExecutor::new()).build_http(), ..self.clone() }
    }

    async fn try_get(&self, path: &str) -> Option<StatusCode> {
        let request = self.build("GET", path, None);
        self.client.request(request).await.ok().map(|answer| answer.status())
    }

    fn build(&self, method: &str, path: &str, body: Option<Value>) -> Request<Full<Bytes>> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        request = request.header("authorization", format!("Bearer {}", self.token));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        request.body(Full::from(body.map(|body| body.to_string()).unwrap_or_default())).unwrap()
    }

    async fn make(&self, path: &str, body: Value) -> String {
        let answer = self.client.request(self.build("POST", path, Some(body))).await.unwrap();
        let status = answer.status();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(status, StatusCode::CREATED, "{}", String::from_utf8_lossy(&bytes));
        let made: Value = serde_json::from_slice(&bytes).unwrap();
        made["id"].as_str().unwrap().to_owned()
    }

    /// A clinic with staff, patients, and the appointments of the day that is listed.
    async fn fill(&mut self) {
        let clinic = json!({ "name": "Seefeld", "time_zone": "Etc/UTC" });
        self.clinic = format!("/v1/clinics/{}", self.make("/v1/clinics", clinic).await);
        for _ in 0..STAFF {
            let member = json!({ "name": "Dr. Anna Keller", "role": "physician" });
            self.staff.push(self.make(&format!("{}/staff", self.clinic), member).await);
            let patient = json!({ "name": "Ida Example", "birth_date": "1984-05-17",
                "phone": "+41445551234", "email": "ida@example.org" });
            self.patients.push(self.make("/v1/patients", patient).await);
        }
        let listed = self.first_day.yesterday().unwrap();
        for number in 0..LISTED {
            let path = format!("{}/appointments", self.clinic);
            self.appointment = self.make(&path, self.booking(listed, 0, number)).await;
        }
    }

    fn booking(&self, day: Date, party: usize, number: usize) -> Value {
        let minute = 8 * 60 + number * 10;
        json!({
            "staff_id": self.staff[party],
            "patient_id": self.patients[party],
            "start": format!("{day}T{:02}:{:02}:00Z", minute / 60, minute % 60),
            "duration_minutes": 10,
        })
    }

    /// The next time that nobody has, day after day: with each request another staff member and their patient.
    fn next_booking(&self) -> Value {
        let number = self.booked.fetch_add(1, Ordering::Relaxed);
        let (party, slot) = (number % STAFF, number / STAFF);
        let day = self.first_day + i64::try_from(slot / A_DAY).unwrap().days();
        self.booking(day, party, slot % A_DAY)
    }

    /// A request, and the status of its answer.
    pub fn request(&self, target: Target) -> (Request<Full<Bytes>>, StatusCode) {
        let path = match target {
            Target::Livez => "/livez".to_owned(),
            Target::Patient => format!("/v1/patients/{}", self.patients[0]),
            Target::Appointment => format!("{}/appointments/{}", self.clinic, self.appointment),
            Target::Day => {
                let listed = self.first_day.yesterday().unwrap();
                format!("{}/appointments?date={listed}", self.clinic)
            }
            Target::Book => {
                let path = format!("{}/appointments", self.clinic);
                let request = self.build("POST", &path, Some(self.next_booking()));
                return (request, StatusCode::CREATED);
            }
        };
        (self.build("GET", &path, None), StatusCode::OK)
    }

    /// The day that is listed, as a key has it.
    pub fn listed_day(&self) -> String {
        self.first_day.yesterday().unwrap().to_string()
    }
}
