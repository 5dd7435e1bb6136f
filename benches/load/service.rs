//! The service as it is shipped, in a separate process, and its client.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client,
    config::{Credentials, Region},
    types::StreamSpecification,
};
use axum::{
    body::Bytes,
    http::{Request, StatusCode},
};
use clinic_api::{
    http::auth::{Principal, Role, development::DevelopmentIssuer, principal::Clinics},
    store::{client::local_config, connections::Connections},
    time::{Clock as _, SystemClock},
};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use jiff::SignedDuration;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::measured::Process;

/// A client with a connection pool.
pub type HttpClient = legacy::Client<HttpConnector, Full<Bytes>>;

/// The API, called by an administrator.
#[derive(Clone)]
pub struct Api {
    pub client: HttpClient,
    base: String,
    token: String,
}

/// The program of the service.
pub fn service() -> Command {
    Command::new(env!("CARGO_BIN_EXE_clinic-api"))
}

/// Makes the program work in a folder, with a development issuer there, and print nothing.
pub fn in_folder(program: &mut Command, folder: &Path) {
    program
        .current_dir(folder)
        .env("CLINIC_API_DEVELOPMENT_ISSUER", folder.join("issuer"))
        .env("CLINIC_API_SECRET_KEYS", "A".repeat(43))
        .env("CLINIC_API_SEARCH_KEYS", "A".repeat(43))
        .stdout(Stdio::null())
        // Log lines are written, as in production.
        .stderr(Stdio::null());
}

/// Makes the program use a table of an external engine.
pub fn on_endpoint(program: &mut Command, endpoint: &str, table: &str) {
    program
        .env("CLINIC_API_STORE", "dynamodb")
        .env("CLINIC_API_TABLE", table)
        .env("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "x")
        .env("AWS_SECRET_ACCESS_KEY", "x");
}

/// A client of the engine at an endpoint, configured like the service's.
pub fn client_of(endpoint: &str) -> Client {
    let calls = Connections::on_this_machine().unwrap().http_client();
    let config = local_config(endpoint, calls)
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("x", "x", None, None, "bench"));
    Client::from_conf(config.build())
}

/// Disables the stream of a table, which nothing reads here. DynamoDB Local (1.25) searches all stream records on every write: it
/// stores seven thousand items a second without a stream, and fifty with one.
pub async fn without_stream(endpoint: &str, table: &str) {
    let off = StreamSpecification::builder().stream_enabled(false).build().unwrap();
    let update = client_of(endpoint).update_table().table_name(table);
    update.stream_specification(off).send().await.unwrap();
}

/// Starts the service on a free port without rate limits, and waits until it is ready. Returns the startup time.
pub async fn serve(mut program: Command, folder: &Path) -> (Process, Api, Duration) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    in_folder(&mut program, folder);
    program.env("CLINIC_API_LISTEN", address.to_string());
    for limit in ["ADDRESS", "PRINCIPAL", "ORGANISATION"] {
        program.env(format!("CLINIC_API_RATE_PER_{limit}"), "4000000000");
    }
    let token = token(&DevelopmentIssuer::in_folder(&folder.join("issuer")).unwrap());
    let api = Api { client: new_client(), base: format!("http://{address}"), token };
    let begun = Instant::now();
    let service = Process::start(&mut program);
    while api.try_get("/readyz").await != Some(StatusCode::OK) {
        sleep(Duration::from_millis(2)).await;
    }
    (service, api, begun.elapsed())
}

fn new_client() -> HttpClient {
    legacy::Client::builder(TokioExecutor::new()).build_http()
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

impl Api {
    async fn try_get(&self, path: &str) -> Option<StatusCode> {
        let request = self.build("GET", path, None);
        self.client.request(request).await.ok().map(|answer| answer.status())
    }

    pub fn build(&self, method: &str, path: &str, body: Option<Value>) -> Request<Full<Bytes>> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        request = request.header("authorization", format!("Bearer {}", self.token));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        request.body(Full::from(body.map(|body| body.to_string()).unwrap_or_default())).unwrap()
    }

    pub async fn send(&self, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let answer = self.client.request(self.build(method, path, body)).await.unwrap();
        let status = answer.status();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }
}
