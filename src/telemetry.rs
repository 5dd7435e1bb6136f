//! The tracer of the process, if spans are exported.
//!
//! Spans hold only the attributes written in this file, `http/server_span.rs` and `store/span.rs`.
//! No library and no log line adds attributes.

use std::sync::OnceLock;

use opentelemetry::{
    Context, KeyValue,
    context::FutureExt as _,
    trace::{SpanBuilder, TraceContextExt as _},
};
use opentelemetry_sdk::trace::SdkTracer;

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Sets the tracer of the whole process. Later calls have no effect.
pub fn start(tracer: SdkTracer) {
    let _ = TRACER.set(tracer);
}

/// Returns the tracer, if tracing is enabled.
pub fn tracer() -> Option<&'static SdkTracer> {
    TRACER.get()
}

/// Returns the context for work that a request started but does not wait for. Its spans belong to
/// the request's trace; its calls do not count as the request's.
pub fn beside() -> Context {
    let span = Context::map_current(|context| context.span().span_context().clone());
    if span.is_valid() { Context::new().with_remote_span_context(span) } else { Context::new() }
}

/// Runs work that belongs to no request in its own root span.
pub async fn in_span<T>(span: impl FnOnce() -> SpanBuilder, work: impl Future<Output = T>) -> T {
    let Some(tracer) = tracer() else {
        return work.await;
    };
    let context = Context::new();
    let context = context.with_span(span().start_with_context(tracer, &context));
    work.with_context(context).await
}

/// Sets an attribute of the current span, if there is one.
pub fn note(key: &'static str, value: &'static str) {
    Context::map_current(|context| context.span().set_attribute(KeyValue::new(key, value)));
}
