//! A caller that keeps what the service returns outside of successful bodies.

use std::collections::BTreeSet;

use data_encoding::BASE64URL_NOPAD;
use http_body_util::{BodyExt as _, Full};
use serde_json::Value;

use crate::support::{
    document::path_of,
    process::{HttpClient, admin_token, http_client},
};

/// A caller that keeps all output that must not contain patient data.
pub struct Caller {
    pub client: HttpClient,
    pub base: String,
    /// Errors, cursors and headers, each with its request.
    pub kept: Vec<(String, String)>,
    /// The routes that succeeded.
    pub succeeded: BTreeSet<String>,
}

impl Caller {
    /// A caller of the service at this URL.
    pub fn new(base: String) -> Self {
        Self { client: http_client(), base, kept: Vec::new(), succeeded: BTreeSet::new() }
    }

    pub async fn send(&mut self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        self.send_as(admin_token(), method, path, body).await
    }

    pub async fn send_as(
        &mut self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let key = body.is_some().then(|| format!("{:x}", rand::random::<u128>()));
        self.send_with(token, method, path, body, key).await
    }

    /// The same without an `Idempotency-Key`.
    pub async fn send_without_key(
        &mut self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        self.send_with(admin_token(), method, path, body, None).await
    }

    async fn send_with(
        &mut self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
        key: Option<String>,
    ) -> (u16, Value) {
        let mut request = axum::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {token}"));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = Full::from(body.map(|body| body.to_string()).unwrap_or_default());
        let answer = self.client.request(request.body(body).unwrap()).await.unwrap();
        let what = format!("{method} {path}");
        let status = answer.status().as_u16();
        for (name, value) in answer.headers() {
            self.kept.push((
                format!("{what}: {name}"),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            ));
        }
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        let json: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if status >= 400 {
            self.kept.push((what, String::from_utf8_lossy(&bytes).into_owned()));
        } else if let Some(cursor) = json["next_cursor"].as_str() {
            let sealed = BASE64URL_NOPAD.decode(cursor.as_bytes()).unwrap();
            self.kept.push((format!("{what}: cursor"), cursor.to_owned()));
            self.kept.push((
                format!("{what}: open cursor"),
                String::from_utf8_lossy(&sealed).into_owned(),
            ));
        }
        if status < 400 {
            self.succeeded.insert(format!("{} {}", method.to_lowercase(), path_of(path)));
        }
        (status, json)
    }

    pub async fn made(&mut self, path: &str, body: Value) -> String {
        let (status, made) = self.send("POST", path, Some(body)).await;
        assert_eq!(status, 201, "{path}: {made}");
        format!("{path}/{}", made["id"].as_str().unwrap())
    }
}
