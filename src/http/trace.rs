//! One span and one line of log a request: the matched path, never the raw one, and no header or body.

use std::time::Duration;

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::{metrics, problem, request_id::RequestId};
use crate::error::ErrorCode;

/// Logs and measures each request with its outcome.
pub async fn log(request: Request, next: Next) -> Response {
    let _active = metrics::request_begun();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let path = route.as_ref().map_or("none", MatchedPath::as_str);
    let id = request.extensions().get::<RequestId>().map_or("", |id| id.public.as_str());
    let span = tracing::info_span!("request", %method, path, request_id = id);
    async {
        let started = Instant::now();
        let response = next.run(request).await;
        let elapsed = started.elapsed();
        let status = response.status();
        metrics::request_answered(&method, path, status, elapsed);
        let elapsed_us = micros(elapsed);
        let code = problem::code(&response).map_or("", ErrorCode::as_str);
        tracing::info!(status = status.as_u16(), code, elapsed_us, "answered");
        response
    }
    .instrument(span)
    .await
}

fn micros(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)
}
