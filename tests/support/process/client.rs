//! A client of services that run as processes. It sends requests as an administrator.

use std::{path::Path, sync::LazyLock};

use axum::body::Bytes;
use clinic_api::{
    http::auth::{Principal, Role, development::DevelopmentIssuer},
    time::{Clock as _, SystemClock},
};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use jiff::SignedDuration;
use serde_json::Value;

use crate::support::callers::principal;

/// An HTTP client with a connection pool.
pub type HttpClient = Client<HttpConnector, Full<Bytes>>;

/// A client without connections.
pub fn http_client() -> HttpClient {
    // Every failed request must be reported, so the client does not retry.
    Client::builder(TokioExecutor::new()).retry_canceled_requests(false).build_http()
}

/// The folder of the development issuer that every process of the tests trusts.
pub const ISSUER_FOLDER: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/development-issuer");

/// An administrator's token of that issuer.
pub fn admin_token() -> &'static str {
    static TOKEN: LazyLock<String> = LazyLock::new(|| admin_token_of("ORG-DEMO"));
    &TOKEN
}

/// A token of that issuer for an organisation's administrator.
pub fn admin_token_of(org: &str) -> String {
    let issuer = DevelopmentIssuer::in_folder(Path::new(ISSUER_FOLDER)).unwrap();
    let admin = Principal { org: org.parse().unwrap(), ..principal(Role::Admin) };
    issuer.token(&admin, SystemClock.now(), SignedDuration::from_hours(12)).unwrap()
}

/// Sends a request as an administrator. The error describes at which stage it failed.
pub async fn send(
    client: &HttpClient,
    uri: &str,
    method: &str,
    body: Option<Value>,
) -> Result<(u16, Value), String> {
    send_keyed(client, uri, method, body, None).await
}

/// The same with an `Idempotency-Key`.
pub async fn send_keyed(
    client: &HttpClient,
    uri: &str,
    method: &str,
    body: Option<Value>,
    key: Option<&str>,
) -> Result<(u16, Value), String> {
    send_as(client, admin_token(), uri, method, body, key).await
}

/// The same with a given token.
pub async fn send_as(
    client: &HttpClient,
    token: &str,
    uri: &str,
    method: &str,
    body: Option<Value>,
    key: Option<&str>,
) -> Result<(u16, Value), String> {
    let mut request = axum::http::Request::builder().method(method).uri(uri);
    request = request.header("authorization", format!("Bearer {token}"));
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    let bytes = body.map(|body| body.to_string()).unwrap_or_default();
    let answer = client.request(request.body(Full::from(bytes)).unwrap()).await;
    let answer = answer.map_err(|error| format!("{method} {uri}: {error:?}"))?;
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await;
    let bytes = body.map_err(|error| format!("{method} {uri}: {error:?}"))?.to_bytes();
    Ok((status, serde_json::from_slice(&bytes).unwrap_or_default()))
}
