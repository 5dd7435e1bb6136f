//! The tracer of the process, if spans are exported. Otherwise none are made.
//!
//! Spans hold only the attributes written in this file, `http/server_span.rs` and `store/span.rs`: no library adds any, and no
//! line of the log.

use std::sync::OnceLock;

use opentelemetry::{
    Context, KeyValue,
    context::FutureExt as _,
    trace::{SpanBuilder, TraceContextExt as _},
};
use opentelemetry_sdk::trace::SdkTracer;

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Makes spans from now on, for the whole process; the first one that is set counts.
pub fn start(tracer: SdkTracer) {
    let _ = TRACER.set(tracer);
}

/// The tracer, if spans are made.
pub fn tracer() -> Option<&'static SdkTracer> {
    TRACER.get()
}

/// The context of work that a request started, but that runs beside it: its spans belong to the request's trace, and its
/// calls do not count as the request's.
pub fn beside() -> Context {
    let span = Context::map_current(|context| context.span().span_context().clone());
    if span.is_valid() { Context::new().with_remote_span_context(span) } else { Context::new() }
}

/// Does work that belongs to no request, in a span of its own.
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
