//! One span and one log line per request, with the matched path. Neither has the raw path, headers
//! or the body.

use std::time::Duration;

use axum::{
    extract::{MatchedPath, Request},
    response::Response,
};
use opentelemetry::{Context, context::FutureExt as _};
use tokio::time::Instant;
use tracing::{Instrument as _, Span, field::Empty};

use super::{
    PROBES,
    headers::HeaderSettings,
    metrics, problem,
    request_id::RequestId,
    server_span::ServerSpan,
    server_timing::{self, SERVER_TIMING},
};
use crate::{error::ErrorCode, store::ledger::Ledger};

/// The status of a request whose caller disconnected before the response, as proxies log it.
const ABANDONED: u16 = 499;

/// Logs, measures and traces each request with its status. Adds `Server-Timing` if it is enabled.
pub async fn log(
    settings: &HeaderSettings,
    request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let _active = metrics::request_begun();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map(MatchedPath::as_str);
    let id = request.extensions().get::<RequestId>().map(|id| id.public.clone());
    let id = id.as_deref().unwrap_or_default();
    let method = metrics::known(request.method());
    let traced = ServerSpan::start(&request, method, route, id);
    let span = span_of_log(method, route.unwrap_or("none"), id, traced.as_ref());
    async {
        let started = Instant::now();
        let ledger = settings.server_timing.then(Ledger::default);
        let context = context(ledger.clone(), traced.as_ref());
        let mut watched = Watched { method, route, started, traced, answered: false };
        let mut response = match context {
            Some(context) => next(request).with_context(context).await,
            None => next(request).await,
        };
        let elapsed = started.elapsed();
        let told = ledger.and_then(|ledger| server_timing::value(&ledger.sum(), elapsed));
        if let Some(told) = told {
            response.headers_mut().insert(SERVER_TIMING, told);
        }
        watched.answered(&response, elapsed);
        response
    }
    .instrument(span)
    .await
}

/// Returns the span of the log, with the trace id and the span id if tracing is enabled.
fn span_of_log(method: &str, path: &str, id: &str, traced: Option<&ServerSpan>) -> Span {
    let span = tracing::info_span!(
        "request",
        http.request.method = method,
        http.route = path,
        http.request.id = id,
        trace_id = Empty,
        span_id = Empty
    );
    if let Some((trace_id, span_id)) = traced.map(ServerSpan::ids) {
        span.record("trace_id", tracing::field::display(trace_id));
        span.record("span_id", tracing::field::display(span_id));
    }
    span
}

/// Returns the context to propagate with a request, if there is any.
fn context(ledger: Option<Ledger>, traced: Option<&ServerSpan>) -> Option<Context> {
    let span = traced.map(|traced| traced.context().clone());
    match ledger {
        Some(ledger) => Some(span.unwrap_or_default().with_value(ledger)),
        None => span,
    }
}

/// A request in progress.
struct Watched<'a> {
    method: &'static str,
    route: Option<&'a str>,
    started: Instant,
    traced: Option<ServerSpan>,
    answered: bool,
}

impl Watched<'_> {
    fn answered(&mut self, response: &Response, elapsed: Duration) {
        self.answered = true;
        let status = response.status().as_u16();
        let code = problem::code(response).map(ErrorCode::as_str);
        self.note(status, code, elapsed);
        let duration = nanos(elapsed);
        // Probes call these several times a second on all replicas.
        if status < 400 && self.route.is_some_and(|route| PROBES.contains(&route)) {
            tracing::debug!(
                http.response.status_code = status,
                event.duration = duration,
                "answered"
            );
            return;
        }
        tracing::info!(
            http.response.status_code = status,
            "error.type" = code,
            event.duration = duration,
            "answered"
        );
    }

    fn note(&self, status: u16, code: Option<&'static str>, elapsed: Duration) {
        metrics::request_answered(self.method, self.route.unwrap_or("none"), status, code, elapsed);
        if let Some(traced) = &self.traced {
            traced.end(status, code.unwrap_or_default());
        }
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        if !self.answered {
            let elapsed = self.started.elapsed();
            self.note(ABANDONED, None, elapsed);
            tracing::info!(
                http.response.status_code = ABANDONED,
                event.duration = nanos(elapsed),
                "abandoned"
            );
        }
    }
}

/// Returns nanoseconds, the unit of durations in the Elastic Common Schema.
fn nanos(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use axum::{
        Router,
        body::Body,
        middleware::{self, Next},
        routing::get,
    };
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn a_caller_who_hangs_up_is_logged_as_one() {
        let lines = tempfile::NamedTempFile::new().unwrap();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(lines.reopen().unwrap())
            .finish();
        let _logging = tracing::subscriber::set_default(subscriber);
        let never = get(async || std::future::pending::<()>().await);
        let log = middleware::from_fn(async |request: Request, next: Next| {
            log(&HeaderSettings::default(), request, async |request| next.run(request).await).await
        });
        let service = Router::new().route("/never", never).layer(log);
        let request = Request::get("/never").body(Body::empty()).unwrap();
        let hung_up = tokio::time::timeout(Duration::from_millis(20), service.oneshot(request));
        assert!(hung_up.await.is_err());
        let logged = std::fs::read_to_string(lines.path()).unwrap();
        assert!(logged.contains("abandoned http.response.status_code=499"), "{logged}");
        assert!(logged.contains("/never") && !logged.contains("answered"), "{logged}");
    }
}
