//! Whether spans are made, and by whom. Where nobody asks for them, nothing is made at all.
//!
//! Spans hold what is written down here and in `http/server_span.rs` and `store/span.rs`, and nothing else: no library
//! adds to them, and no line of the log.

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

/// What makes spans, if they are made.
#[must_use]
pub fn tracer() -> Option<&'static SdkTracer> {
    TRACER.get()
}

/// The context of what is done because of a request, but beside it: its spans are among the request's, and what it takes
/// is not the request's.
#[must_use]
pub fn beside() -> Context {
    let span = Context::map_current(|context| context.span().span_context().clone());
    if span.is_valid() { Context::new().with_remote_span_context(span) } else { Context::new() }
}

/// Does work that no request asked for, in a span of its own.
pub async fn in_span<T>(span: impl FnOnce() -> SpanBuilder, work: impl Future<Output = T>) -> T {
    let Some(tracer) = tracer() else {
        return work.await;
    };
    let context = Context::new();
    let context = context.with_span(span().start_with_context(tracer, &context));
    work.with_context(context).await
}

/// Notes on the span of what is being done, if there is one, what came of it.
pub fn note(key: &'static str, value: &'static str) {
    Context::map_current(|context| context.span().set_attribute(KeyValue::new(key, value)));
}
