//! Observes every SDK call to DynamoDB and DynamoDB Streams.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use aws_sdk_dynamodb::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{BeforeSerializationInterceptorContextRef, FinalizerInterceptorContextRef},
    },
    error::BoxError,
};
use aws_smithy_runtime_api::client::{
    interceptors::dyn_dispatch_hint, orchestrator::Metadata as Operation, retries::RequestAttempts,
};
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use tokio::time::Instant;

use super::{
    answer::{Refusal, consumed, error_type, units},
    ledger::{Entry, Ledger},
    metrics::{self, Counted},
    span::CallSpan,
};

/// Measures calls including the SDK's retries, records them in the ledger of their request, and
/// creates spans.
#[derive(Debug)]
pub struct MeasureCalls;

/// A call in progress. The SDK drops it with the call, also if the call is cancelled.
#[derive(Debug)]
struct Call {
    operation: String,
    started: Instant,
    /// Whether its outcome is known.
    ended: AtomicBool,
    /// Set if metrics are enabled.
    active: Option<Counted>,
    /// Set if the request has a ledger.
    entry: Option<Entry>,
    /// Set if tracing is enabled.
    span: Option<CallSpan>,
}

impl Storable for Call {
    type Storer = StoreReplace<Self>;
}

impl Drop for Call {
    fn drop(&mut self) {
        if self.active.is_some() && !self.ended.load(Relaxed) {
            metrics::call_ended(&self.operation, CANCELLED, self.started.elapsed());
        }
    }
}

/// The `error_type` of a cancelled call: its caller disconnected, or its deadline passed.
const CANCELLED: &str = "cancelled";

fn operation(settings: &ConfigBag) -> &str {
    settings.load::<Operation>().map_or("_OTHER", Operation::name)
}

#[dyn_dispatch_hint]
impl Intercept for MeasureCalls {
    fn name(&self) -> &'static str {
        "MeasureCalls"
    }

    fn read_before_serialization(
        &self,
        begun: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let active = metrics::measured().then(metrics::call_begun);
        let entry = Ledger::current().map(Ledger::enter);
        let span = CallSpan::start(operation(settings), begun.input());
        if active.is_some() || entry.is_some() || span.is_some() {
            let operation = operation(settings).to_owned();
            let (started, ended) = (Instant::now(), AtomicBool::new(false));
            let call = Call { operation, started, ended, active, entry, span };
            settings.interceptor_state().store_put(call);
        }
        Ok(())
    }

    fn read_after_attempt(
        &self,
        attempt: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let (true, Some(refusal)) = (metrics::measured(), Refusal::of(attempt)) {
            if let Some(reason) = refusal.throttling() {
                metrics::throttled(operation(settings), reason);
            }
            refusal.reasons().into_iter().for_each(metrics::cancelled);
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        ended: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(call) = settings.load::<Call>() else {
            return Ok(());
        };
        call.ended.store(true, Relaxed);
        let taken = ended.output_or_error().and_then(Result::ok).and_then(consumed);
        if let (Some(entry), Some((kind, taken))) = (&call.entry, taken) {
            entry.consumed(kind, units(taken));
        }
        let tries = settings.load::<RequestAttempts>().map_or(1, RequestAttempts::attempts);
        if let Some(span) = &call.span {
            span.end(ended, tries);
        }
        if call.active.is_some() {
            let error = error_type(ended).unwrap_or_default();
            metrics::call_ended(&call.operation, &error, call.started.elapsed());
            metrics::retried(&call.operation, tries.saturating_sub(1));
            if let Some((kind, taken)) = taken {
                metrics::consumed(&call.operation, kind, units(taken));
            }
        }
        Ok(())
    }
}
