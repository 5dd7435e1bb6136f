//! One span and one line of log a request: the matched path, never the raw one, and no header or body.

use std::time::Duration;

use axum::{
    extract::{MatchedPath, Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};
use opentelemetry::{Context, context::FutureExt as _};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::{
    headers::HeaderSettings,
    metrics, problem,
    request_id::RequestId,
    server_timing::{self, SERVER_TIMING},
};
use crate::{error::ErrorCode, store::ledger::Ledger};

const ABANDONED: u16 = 499;

/// Logs and measures each request with its outcome, and tells callers what it took if they are to know.
pub async fn log(State(settings): State<HeaderSettings>, request: Request, next: Next) -> Response {
    let _active = metrics::request_begun();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let path = route.as_ref().map_or("none", MatchedPath::as_str);
    let id = request.extensions().get::<RequestId>().map_or("", |id| id.public.as_str());
    let span = tracing::info_span!("request", %method, path, request_id = id);
    async {
        let started = Instant::now();
        let mut abandoned = Abandoned { method: &method, path, started, answered: false };
        let response = if settings.server_timing {
            timed(request, next, started).await
        } else {
            next.run(request).await
        };
        abandoned.answered = true;
        let elapsed = started.elapsed();
        let status = response.status();
        metrics::request_answered(&method, path, status.as_u16(), elapsed);
        let elapsed_us = micros(elapsed);
        let code = problem::code(&response).map_or("", ErrorCode::as_str);
        tracing::info!(status = status.as_u16(), code, elapsed_us, "answered");
        response
    }
    .instrument(span)
    .await
}

/// Answers a request and says what it took.
async fn timed(request: Request, next: Next, started: Instant) -> Response {
    let ledger = Ledger::default();
    let context = Context::current_with_value(ledger.clone());
    let mut response = next.run(request).with_context(context).await;
    if let Some(told) = server_timing::value(&ledger.sum(), started.elapsed()) {
        response.headers_mut().insert(SERVER_TIMING, told);
    }
    response
}

/// A request whose caller hung up before it was answered. Its status is the one that proxies log for it.
struct Abandoned<'a> {
    method: &'a Method,
    path: &'a str,
    started: Instant,
    answered: bool,
}

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        if !self.answered {
            let elapsed = self.started.elapsed();
            metrics::request_answered(self.method, self.path, ABANDONED, elapsed);
            tracing::info!(status = ABANDONED, elapsed_us = micros(elapsed), "abandoned");
        }
    }
}

fn micros(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use axum::{Router, body::Body, middleware, routing::get};
    use tower::ServiceExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_caller_who_hangs_up_is_logged_as_one() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber =
            tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
        let _logging = tracing::subscriber::set_default(subscriber);
        let never = get(async || std::future::pending::<()>().await);
        let log = middleware::from_fn_with_state(HeaderSettings::default(), log);
        let service = Router::new().route("/never", never).layer(log);
        let request = Request::get("/never").body(Body::empty()).unwrap();
        let hung_up = tokio::time::timeout(Duration::from_millis(20), service.oneshot(request));
        assert!(hung_up.await.is_err());
        let logged = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(logged.contains("\"abandoned\"") && logged.contains("\"status\":499"), "{logged}");
        assert!(logged.contains("/never") && !logged.contains("answered"), "{logged}");
    }
}
