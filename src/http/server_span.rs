//! The OpenTelemetry span of a request. It has the matched path, but no query, header or address.

use std::collections::HashMap;

use axum::{
    extract::Request,
    http::{HeaderMap, Version},
};
use opentelemetry::{
    Context, KeyValue,
    propagation::TextMapPropagator as _,
    trace::{SpanBuilder, SpanId, SpanKind, Status, TraceContextExt as _, TraceId},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;

use crate::telemetry;

const TRACEPARENT: &str = "traceparent";

/// The span of a request. If it is dropped before `end`, it ends without a status.
pub(super) struct ServerSpan(Context);

impl ServerSpan {
    /// Starts a span if tracing is enabled. It is a child of the caller's span if the request has
    /// one.
    pub(super) fn start(
        request: &Request,
        method: &'static str,
        route: Option<&str>,
        request_id: &str,
    ) -> Option<Self> {
        let tracer = telemetry::tracer()?;
        let mut attributes = vec![
            KeyValue::new("http.request.method", method),
            KeyValue::new("http.request.id", request_id.to_owned()),
            // The scheme of the process itself, which has no TLS.
            KeyValue::new("url.scheme", "http"),
            KeyValue::new("network.protocol.version", version(request.version())),
        ];
        attributes.extend(route.map(|route| KeyValue::new("http.route", route.to_owned())));
        // An unknown method is arbitrary text from the client.
        let verb = if method == "_OTHER" { "HTTP" } else { method };
        let name = route.map_or_else(|| verb.to_owned(), |route| format!("{verb} {route}"));
        let span = SpanBuilder::from_name(name)
            .with_kind(SpanKind::Server)
            .with_attributes(attributes)
            .start_with_context(tracer, &callers(request.headers()));
        Some(Self(Context::new().with_span(span)))
    }

    /// Returns the context to propagate with the request.
    pub(super) fn context(&self) -> &Context {
        &self.0
    }

    pub(super) fn ids(&self) -> (TraceId, SpanId) {
        let span = self.0.span();
        (span.span_context().trace_id(), span.span_context().span_id())
    }

    /// Ends the span with the response's status. `error` is the code of its problem, or empty.
    pub(super) fn end(&self, status: u16, error: &'static str) {
        let span = self.0.span();
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
        if status >= 500 {
            let error = if error.is_empty() { "_OTHER" } else { error };
            span.set_attribute(KeyValue::new("error.type", error));
            span.set_status(Status::error(""));
        }
        span.end();
    }
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_11 => "1.1",
        Version::HTTP_2 => "2",
        _ => "_OTHER",
    }
}

/// Returns the caller's span from `traceparent` (W3C Trace Context). Ignores `tracestate` and
/// `baggage`, which are arbitrary text.
fn callers(headers: &HeaderMap) -> Context {
    let mut sent = headers.get_all(TRACEPARENT).iter();
    let mut carrier = HashMap::new();
    if let (Some(one), None) = (sent.next(), sent.next())
        && let Ok(one) = one.to_str()
    {
        carrier.insert(TRACEPARENT.to_owned(), one.to_owned());
    }
    TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(sent: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn of_a_callers_span_the_ids_are_taken_and_no_text() {
        let sent = headers(&[(TRACEPARENT, SENT), ("tracestate", "a=Ida"), ("baggage", "b=Ida")]);
        let callers = callers(&sent);
        let span = callers.span();
        let taken = span.span_context();
        assert_eq!(taken.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(taken.span_id().to_string(), "b7ad6b7169203331");
        assert_eq!(taken.trace_state().header(), "");
    }

    #[test]
    fn what_is_no_span_of_a_caller_begins_a_trace_of_our_own() {
        let zero = "00-00000000000000000000000000000000-b7ad6b7169203331-01";
        for sent in [
            headers(&[]),
            headers(&[(TRACEPARENT, "Ida")]),
            headers(&[(TRACEPARENT, zero)]),
            headers(&[(TRACEPARENT, SENT), (TRACEPARENT, SENT)]),
        ] {
            assert!(!callers(&sent).span().span_context().is_valid(), "{sent:?}");
        }
    }
}
