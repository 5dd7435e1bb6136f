//! The cost of an availability search in a busy clinic, compared with the same reads by the bare SDK.
//!
//! `cargo bench --bench availability` measures both alternately, in one run, on the engine in this process. The ratio holds for
//! the machine at that moment; the reads are the same for both.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement is for people to read"
)]

#[path = "../tests/support/busy_month.rs"]
mod busy_month;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::types::AttributeValue;
use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use clinic_api::{
    app::{AppState, Parts, RequestLimits},
    http::{
        auth::{Principal, Role, development::DevelopmentIssuer, principal::Clinics},
        headers::HeaderSettings,
    },
    id::{ClinicId, StaffId},
    keyring::{Keyring, SearchKeys},
    records::{
        patients::model::search::{PatientSearch, Phonetics},
        webhooks::model::target::AllowList,
    },
    service::service,
    store::{Store, WriteContext, embedded::Engine},
    time::{Clock as _, Retention, SystemClock},
};
use http_body_util::BodyExt as _;
use jiff::{SignedDuration, ToSpan as _, Zoned, civil::Date};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// The service's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const STAFF: usize = 50;
const APPOINTMENTS_A_DAY: i64 = 8;
const RUNS: usize = 40;
const WARM_UP: usize = 5;

struct Bench {
    store: Store,
    router: Router,
    token: String,
    clinic: String,
    /// A Monday, and 30 days later.
    month: (Date, Date),
}

impl Bench {
    async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json");
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let answer = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let status = answer.status();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&bytes));
        serde_json::from_slice(&bytes).unwrap()
    }

    /// Requests the free slots. Returns the size of the response in bytes.
    async fn ask(&self, path: &str) -> usize {
        let request = Request::get(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .body(Body::empty());
        let answer = self.router.clone().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        answer.into_body().collect().await.unwrap().to_bytes().len()
    }

    /// Makes the same reads with the SDK alone, in parallel as the service does. Returns the number of items.
    async fn read(&self, days: i32) -> usize {
        let id = self.clinic.rsplit('/').next().unwrap();
        let (first, last) = (self.month.0.yesterday().unwrap(), self.month.0 + (days + 1).days());
        let query = |index: Option<&str>, partition: String, from: String, to: String| {
            let query = self.store.client().query().table_name(self.store.table());
            let (pk, sk) = if index.is_some() { ("GSI1PK", "GSI1SK") } else { ("PK", "SK") };
            let pages = query
                .set_index_name(index.map(str::to_owned))
                .key_condition_expression(format!("{pk} = :pk AND {sk} BETWEEN :from AND :to"))
                .expression_attribute_values(":pk", AttributeValue::S(partition))
                .expression_attribute_values(":from", AttributeValue::S(from))
                .expression_attribute_values(":to", AttributeValue::S(to))
                .into_paginator()
                .items()
                .send();
            async move { pages.collect::<Result<Vec<_>, _>>().await.unwrap().len() }
        };
        let (clinic, days) = (format!("CLINIC#{id}"), format!("DAYS#{id}"));
        let (setup, exceptions, sheets) = tokio::join!(
            query(None, clinic, "A".to_owned(), "~".to_owned()),
            query(
                Some("GSI1"),
                days.clone(),
                format!("EXCEPTION#{first}"),
                "EXCEPTION#~".to_owned()
            ),
            query(None, days, first.to_string(), format!("{last}~")),
        );
        setup + exceptions + sheets
    }
}

async fn prepare() -> (Bench, Engine) {
    let engine = Engine::in_memory().unwrap();
    let client = engine.client();
    let store = Store::new(client, "bench".to_owned());
    store.create_table().await.unwrap();
    let issuer = DevelopmentIssuer::random().unwrap();
    let state = AppState::new(Parts {
        store: store.clone(),
        clock: Arc::new(SystemClock),
        keyring: Keyring::random(),
        search: PatientSearch { keys: SearchKeys::random(), phonetics: Phonetics::default() },
        authenticator: issuer.authenticator().unwrap(),
        audit_retention: Retention::TEN_YEARS,
        limits: RequestLimits::default(),
        headers: HeaderSettings::default(),
        webhook_targets: AllowList::default(),
    });
    let now = SystemClock.now();
    let admin = Principal {
        org: "ORG-DEMO".parse().unwrap(),
        subject: "bench".to_owned(),
        roles: [Role::Admin].into(),
        clinics: Clinics::All,
        patient: None,
    };
    let token = issuer.token(&admin, now, SignedDuration::from_hours(8)).unwrap();
    let today = Zoned::new(now, jiff::tz::TimeZone::UTC).date();
    let monday = today + (8 - i32::from(today.weekday().to_monday_one_offset())).days();
    let month = (monday, monday + 30.days());
    let mut bench = Bench { store, router: service(state), token, clinic: String::new(), month };

    let days = ["monday", "tuesday", "wednesday", "thursday", "friday"];
    let hours = days.map(|day| json!({ "weekday": day, "from": "08:00", "to": "18:00" }));
    let clinic = json!({ "name": "Seefeld", "time_zone": "Europe/Zurich", "opening_hours": hours });
    let clinic = bench.send("POST", "/v1/clinics", Some(clinic)).await;
    let id: ClinicId = clinic["id"].as_str().unwrap().parse().unwrap();
    bench.clinic = format!("/v1/clinics/{id}");
    let mut staff: Vec<StaffId> = Vec::new();
    for _ in 0..STAFF {
        let member = json!({ "name": "Dr. Keller", "role": "physician" });
        let made = bench.send("POST", &format!("{}/staff", bench.clinic), Some(member)).await;
        staff.push(made["id"].as_str().unwrap().parse().unwrap());
    }
    let context = WriteContext::internal(admin.org, &admin.subject, "bench".to_owned(), now);
    let days = (monday, 33);
    let made =
        busy_month::fill(&bench.store, &context, (&id, &staff), days, APPOINTMENTS_A_DAY).await;
    println!("{STAFF} staff members, {made} appointments from {monday} on");
    (bench, engine)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Measures the service and the SDK alternately.
async fn compare(bench: &Bench, name: &str, query: &str, days: i32) {
    let path = format!("{}/availability?duration_minutes=30&{query}", bench.clinic);
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    let (mut bytes, mut items) = (0, 0);
    for run in 0..RUNS + WARM_UP {
        let started = Instant::now();
        bytes = bench.ask(&path).await;
        let asked = Instant::now();
        items = bench.read(days).await;
        let read = Instant::now();
        if run >= WARM_UP {
            ours.push(asked - started);
            bare.push(read - asked);
        }
    }
    let (ours, bare) = (median(&mut ours), median(&mut bare));
    let ratio = ours.as_secs_f64() / bare.as_secs_f64();
    println!(
        "{name}: service {ours:.1?} ({bytes} bytes), bare SDK {bare:.1?} ({items} items), ratio {ratio:.2}"
    );
}

#[tokio::main]
async fn main() {
    let (bench, engine) = prepare().await;
    let (first, last) = bench.month;
    compare(&bench, "the first 1,000 of 31 days", &format!("from={first}&to={last}&limit=1000"), 2)
        .await;
    compare(&bench, "the next 3", &format!("from={first}&limit=3"), 2).await;
    engine.stop().await;
}
