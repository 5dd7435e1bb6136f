//! The service in this process, on a file or on another engine.

use std::{num::NonZeroU32, sync::Arc};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
    response::Response,
};
use clinic_api::{
    app::{AppState, Parts, RequestLimits},
    http::{
        auth::{Principal, Role, development::DevelopmentIssuer, principal::Clinics},
        headers::HeaderSettings,
        rate::RateSettings,
    },
    id::{OrgId, PatientId},
    keyring::{Keyring, SearchKeys},
    records::{
        patients::{
            model::{
                PatientRecord,
                search::{PatientSearch, Phonetics},
            },
            repo::indexed,
        },
        webhooks::model::target::AllowList,
    },
    service::service,
    store::{
        Entity, Item, Store, WriteContext, bulk::BATCH, client, connections::Connections,
        embedded::Engine, write::Write,
    },
    time::{Clock as _, Retention, SystemClock},
};
use futures_util::{StreamExt as _, stream};
use http_body_util::BodyExt as _;
use jiff::SignedDuration;
use serde_json::Value;
use tower::ServiceExt as _;
use url::form_urlencoded;

use super::names::Person;

/// The number of concurrent batches.
const AT_ONCE: usize = 8;

pub struct Service {
    store: Store,
    search: PatientSearch,
    org: OrgId,
    router: Router,
    token: String,
    engine: Option<(Engine, tempfile::TempDir)>,
}

/// The page of a search, and what it cost.
pub struct Answer {
    pub calls: f64,
    pub units: f64,
    pub page: Value,
}

impl Service {
    pub async fn start() -> Self {
        let (client, engine) = if let Ok(endpoint) = std::env::var("CLINIC_TEST_ENDPOINT") {
            let calls = Connections::on_this_machine().unwrap().http_client();
            let config = client::local_config(&endpoint, calls);
            (aws_sdk_dynamodb::Client::from_conf(config.build()), None)
        } else {
            let folder = tempfile::tempdir().unwrap();
            let engine = Engine::on_file(&folder.path().join("patients.db")).unwrap();
            (engine.client(), Some((engine, folder)))
        };
        let table = format!("bench-{}", std::process::id());
        let store = Store::new(client, table);
        store.create_table().await.unwrap();
        let search = PatientSearch { keys: SearchKeys::random(), phonetics: Phonetics::default() };
        let issuer = DevelopmentIssuer::random().unwrap();
        let most = NonZeroU32::MAX;
        let rates = RateSettings {
            per_address: most,
            per_principal: most,
            per_organisation: most,
            searches: most,
            ..RateSettings::default()
        };
        let state = AppState::new(Parts {
            store: store.clone(),
            clock: Arc::new(SystemClock),
            keyring: Keyring::random(),
            search: search.clone(),
            authenticator: issuer.authenticator().unwrap(),
            audit_retention: Retention::TEN_YEARS,
            limits: RequestLimits { rates, ..RequestLimits::default() },
            headers: HeaderSettings { server_timing: true, ..HeaderSettings::default() },
            webhook_targets: AllowList::default(),
        });
        let org: OrgId = "ORG-DEMO".parse().unwrap();
        let admin = Principal {
            org: org.clone(),
            subject: "bench".to_owned(),
            roles: [Role::Admin].into(),
            clinics: Clinics::All,
            patient: None,
        };
        let token = issuer.token(&admin, SystemClock.now(), SignedDuration::from_hours(8)).unwrap();
        Self { store, search, org, router: service(state), token, engine }
    }

    pub async fn stop(self) {
        if let Some((engine, _)) = self.engine {
            engine.stop().await;
        }
    }

    async fn send(&self, request: axum::http::request::Builder, body: Body) -> Response {
        let request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        let request = request.header(header::CONTENT_TYPE, "application/json");
        self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap()
    }

    /// Creates a patient over HTTP. Returns the read units and the write units.
    pub async fn create(&self, person: &Person) -> (f64, f64) {
        let request = Request::post("/v1/patients");
        let answer = self.send(request, person.body().to_string().into()).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        (units(&answer, "read units"), units(&answer, "write units"))
    }

    /// Writes patients as the service would. Returns the number of items.
    pub async fn fill(&self, people: &[Person]) -> usize {
        let now = SystemClock.now();
        let context = WriteContext::internal(self.org.clone(), "bench", "bench".to_owned(), now);
        let items = people.iter().flat_map(|person| {
            let details = serde_json::from_value(person.body()).unwrap();
            let record = PatientRecord { id: PatientId::random(), details };
            let (patient, _, writes) = indexed(&self.search, &self.org, record).unwrap();
            let patient = Entity::new(patient, &context).to_item().unwrap();
            let others = writes.into_iter().filter_map(|write| match write {
                Write::Put { item, .. } => Some(item),
                _ => None,
            });
            [patient].into_iter().chain(others).collect::<Vec<Item>>()
        });
        let mut items = items.peekable();
        let batches = std::iter::from_fn(|| {
            items.peek()?;
            Some(items.by_ref().take(BATCH).collect::<Vec<_>>())
        });
        let put = async |batch: Vec<Item>| {
            let length = batch.len();
            self.store.put_batch(batch).await.unwrap();
            length
        };
        stream::iter(batches).map(put).buffer_unordered(AT_ONCE).fold(0, async |a, b| a + b).await
    }

    pub async fn search(&self, query: &[(&str, String)]) -> Answer {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        let request = Request::get(format!("/v1/patients?{query}"));
        let answer = self.send(request, Body::empty()).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let (calls, units) = (number_before(&answer, " call"), units(&answer, "read units"));
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        Answer { calls, units, page: serde_json::from_slice(&bytes).unwrap() }
    }
}

fn units(answer: &Response, name: &str) -> f64 {
    number_before(answer, &format!(" {name}"))
}

/// The number before a word of the `Server-Timing` header.
fn number_before(answer: &Response, word: &str) -> f64 {
    let timing = answer.headers()["server-timing"].to_str().unwrap();
    let before = &timing[..timing.find(word).unwrap()];
    before.rsplit([' ', '"']).next().unwrap().parse().unwrap()
}
