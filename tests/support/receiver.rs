//! A webhook receiver whose responses the test controls.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

use super::eventually;

/// How the receiver responds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// With a status.
    Status(u16),
    /// With a redirect to itself.
    Redirect,
    /// Not at all.
    Hang,
}

/// A received request.
#[derive(Debug, Clone)]
pub struct Received {
    /// The path.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The raw body.
    pub body: Bytes,
}

impl Received {
    /// The event.
    pub fn event(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The event's id from the headers.
    pub fn id(&self) -> String {
        self.headers["webhook-id"].to_str().unwrap().to_owned()
    }
}

struct Shared {
    manner: Mutex<Manner>,
    received: Mutex<Vec<Received>>,
    verifier: OnceLock<standardwebhooks::Webhook>,
    forged: Mutex<Vec<String>>,
}

/// A webhook receiver. It stops with the test.
pub struct Receiver {
    shared: Arc<Shared>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Receiver {
    /// Starts a receiver that accepts everything.
    pub async fn start() -> Self {
        let shared = Arc::new(Shared {
            manner: Mutex::new(Manner::Status(200)),
            received: Mutex::default(),
            verifier: OnceLock::new(),
            forged: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(receive).with_state(shared.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { shared, address, task }
    }

    /// The URL for the webhook.
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// The value of the setting that allows this receiver.
    pub fn allowed(&self) -> String {
        self.address.to_string()
    }

    /// Sets the response from now on.
    pub fn answer(&self, manner: Manner) {
        *self.shared.manner.lock().unwrap() = manner;
    }

    /// From now on the receiver verifies each request with the library of Standard Webhooks, and responds 401 if the verification
    /// fails.
    pub fn verify_with(&self, secret: &str) {
        let verifier = standardwebhooks::Webhook::new(secret).unwrap();
        assert!(self.shared.verifier.set(verifier).is_ok(), "it has one secret");
    }

    /// The reasons for which requests failed verification.
    pub fn forged(&self) -> Vec<String> {
        self.shared.forged.lock().unwrap().clone()
    }

    /// All requests so far.
    pub fn received(&self) -> Vec<Received> {
        self.received_since(0)
    }

    /// All requests so far except the first ones.
    pub fn received_since(&self, first: usize) -> Vec<Received> {
        self.shared.received.lock().unwrap()[first..].to_vec()
    }

    /// Waits for this number of requests.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        let all = async || Some(self.received()).filter(|received| received.len() >= count);
        eventually("what was sent comes", all).await
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn receive(
    State(shared): State<Arc<Shared>>,
    uri: axum::http::Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let verified = shared.verifier.get().map(|verifier| verifier.verify(&body, &headers));
    if let Some(Err(error)) = verified {
        shared.forged.lock().unwrap().push(error.to_string());
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let received = Received { path: uri.path().to_owned(), headers, body };
    shared.received.lock().unwrap().push(received);
    let manner = *shared.manner.lock().unwrap();
    match manner {
        Manner::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Manner::Redirect => {
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/elsewhere")]).into_response()
        }
        Manner::Hang => {
            tokio::time::sleep(Duration::from_hours(1)).await;
            StatusCode::OK.into_response()
        }
    }
}
