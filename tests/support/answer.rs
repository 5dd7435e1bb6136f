//! Requests and their responses.

use std::{borrow::Cow, convert::Infallible, future::ready};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header},
};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::{ServiceExt as _, service_fn};
use tower_http::decompression::Decompression;

/// A request that can be sent.
#[derive(Clone)]
pub struct Call {
    router: Router,
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Call {
    /// A request to a router.
    pub fn new(router: Router, method: Method, path: &str) -> Self {
        Self { router, method, path: path.to_owned(), headers: vec![], body: vec![] }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Replaces the bearer token.
    pub fn bearer(self, token: &str) -> Self {
        self.anonymous().header("authorization", &format!("Bearer {token}"))
    }

    /// Removes the token.
    pub fn anonymous(mut self) -> Self {
        self.headers.retain(|(name, _)| name != "authorization");
        self
    }

    /// Sets a JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.bytes("application/json", &serde_json::to_vec(body).unwrap())
    }

    /// Sets a body of a media type.
    pub fn bytes(mut self, content_type: &str, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self.header("content-type", content_type)
    }

    /// Sets the `Idempotency-Key`.
    pub fn idempotent(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// Whether the request has an `Idempotency-Key`.
    pub fn is_idempotent(&self) -> bool {
        self.headers.iter().any(|(name, _)| name == "idempotency-key")
    }

    /// Sends the request.
    pub async fn send(mut self) -> Answer {
        let body = Body::from(std::mem::take(&mut self.body));
        self.send_body(body).await
    }

    /// Sends the request. `arrive` is called when the service waits for the body.
    pub async fn send_late(mut self, arrive: impl FnOnce() + Send + 'static) -> Answer {
        let body = std::mem::take(&mut self.body);
        let arriving = async move {
            arrive();
            Ok::<_, std::convert::Infallible>(body)
        };
        self.send_body(Body::from_stream(futures_util::stream::once(arriving))).await
    }

    /// Sends it with a body that never arrives.
    pub async fn send_endless(self) -> Answer {
        let body = futures_util::stream::pending::<Result<Vec<u8>, std::convert::Infallible>>();
        self.send_body(Body::from_stream(body)).await
    }

    async fn send_body(self, body: Body) -> Answer {
        let mut request = Request::builder().method(self.method).uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(body).unwrap();
        let response = self.router.oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body: body.to_vec() }
    }
}

/// A response.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The raw body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The JSON body.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The body without its content coding.
    pub async fn decoded(&self) -> Vec<u8> {
        let (headers, body) = (self.headers.clone(), self.body.clone());
        let compressed = service_fn(move |_: Request<Body>| {
            let mut response = Response::new(Body::from(body.clone()));
            response.headers_mut().clone_from(&headers);
            ready(Ok::<_, Infallible>(response))
        });
        let response = Decompression::new(compressed).oneshot(Request::default()).await.unwrap();
        response.into_body().collect().await.unwrap().to_bytes().to_vec()
    }

    /// A header's value.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}"));
        value.to_str().unwrap()
    }

    /// The response itself; panics on another status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        let body = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status.as_u16(), status, "{body}");
        self
    }

    /// The problem document; panics if it is incomplete or has another status or code.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Value {
        let answer = self.expect(status);
        assert_eq!(answer.header(header::CONTENT_TYPE.as_str()), "application/problem+json");
        let problem = answer.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("/problems/{code}"));
        assert_eq!(problem["request_id"], answer.header("x-request-id"));
        for member in ["title", "detail"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
        }
        check_errors(&problem);
        problem
    }

    /// The pointers of a validation problem.
    #[track_caller]
    pub fn invalid_fields(self) -> Vec<String> {
        let problem = self.problem(422, "validation_failed");
        let errors = problem["errors"].as_array().unwrap();
        errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
    }

    /// The parts that a replay under the same key must repeat: status, three headers, body.
    pub fn replayed(&self) -> (StatusCode, [Option<&HeaderValue>; 3], Cow<'_, str>) {
        let headers = ["etag", "location", "content-type"].map(|name| self.headers.get(name));
        (self.status, headers, String::from_utf8_lossy(&self.body))
    }

    /// The path of the created record, from `Location`.
    #[track_caller]
    pub fn location(&self) -> String {
        self.header("location").to_owned()
    }
}

/// Words of serde and of Rust that must not appear in a response.
const RUST: [&str; 10] = [
    "struct ",
    "missing field",
    "unknown field",
    "duplicate field",
    "variant",
    "invalid type",
    "invalid value",
    "sequence",
    "u16",
    "serde",
];

/// Panics if a problem does not locate the invalid part of the request, or uses words of a library.
#[track_caller]
fn check_errors(problem: &Value) {
    if ![400, 422].map(Value::from).contains(&problem["status"]) {
        return;
    }
    let errors = problem["errors"].as_array().unwrap_or_else(|| panic!("no errors: {problem}"));
    assert!(!errors.is_empty(), "{problem}");
    for error in errors {
        let places = ["pointer", "parameter"].map(|place| error[place].is_string());
        assert_ne!(places[0], places[1], "{problem}");
        for member in ["detail", "code"] {
            assert!(error[member].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
        }
    }
    let text = problem.to_string();
    let found = RUST.iter().find(|word| text.contains(**word));
    assert_eq!(found, None, "{problem}");
}
