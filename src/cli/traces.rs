//! Exports spans to an OpenTelemetry collector if the environment configures one. The SDK reads the
//! standard OpenTelemetry variables.

use std::{
    env,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::anyhow;
use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    resource::{EnvResourceDetector, TelemetryResourceDetector},
    trace::{Sampler, SdkTracerProvider, SpanData},
};
use tokio::{
    task::spawn_blocking,
    time::{Instant, timeout},
};
use tracing::{Dispatch, instrument::WithSubscriber as _};

use crate::{telemetry, version::VERSION};

/// The timeout of the last export at process exit.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The values of `OTEL_TRACES_SAMPLER` that the SDK supports.
const SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];
/// The minimum interval between log lines about failed exports.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// The span exporter, if it is enabled.
#[derive(Debug)]
pub struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Starts tracing if the environment configures a collector. `service` is the default of
    /// `service.name`.
    pub fn start(service: &'static str) -> anyhow::Result<Self> {
        if !is_enabled() {
            return Ok(Self(None));
        }
        // The exporter's error quotes the endpoint, which may hold a password.
        let exporter = SpanExporter::builder().with_http().build();
        let exporter = exporter.map_err(|_| {
            anyhow!("traces can't be exported: OTEL_EXPORTER_OTLP_… holds no valid endpoint")
        })?;
        let mut provider = SdkTracerProvider::builder()
            .with_resource(resource(service))
            .with_batch_exporter(Exporter { exporter, logged: Mutex::default() });
        if !variable("OTEL_TRACES_SAMPLER").is_some_and(|name| SAMPLERS.contains(&name.as_str())) {
            // The SDK falls back to `parentbased_always_on`, also for an unknown name. Callers
            // would then decide what is traced.
            provider = provider.with_sampler(Sampler::AlwaysOn);
        }
        let provider = provider.build();
        telemetry::start(provider.tracer("clinic-api"));
        tracing::info!("exporting spans to the OpenTelemetry collector");
        Ok(Self(Some(provider)))
    }

    /// Exports the last spans, within a time limit.
    pub async fn stop(self) {
        let Some(provider) = self.0 else { return };
        // This call blocks until the exporter thread is done.
        let flush = spawn_blocking(move || provider.shutdown_with_timeout(TIMEOUT));
        if !matches!(timeout(TIMEOUT, flush).await, Ok(Ok(Ok(())))) {
            tracing::warn!("the last spans could not be exported");
        }
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Without a configured collector, the SDK would send to localhost.
fn is_enabled() -> bool {
    let endpoints = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
    let disabled = variable("OTEL_SDK_DISABLED").is_some_and(|it| it.eq_ignore_ascii_case("true"));
    let none = variable("OTEL_TRACES_EXPORTER").is_some_and(|exporter| exporter == "none");
    endpoints.into_iter().any(|name| variable(name).is_some()) && !disabled && !none
}

/// Returns our name and version, unless the environment sets others.
fn resource(service: &'static str) -> Resource {
    let name = |name: String| KeyValue::new("service.name", name);
    Resource::builder_empty()
        .with_attributes([name(service.to_owned()), KeyValue::new("service.version", VERSION)])
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_detector(Box::new(EnvResourceDetector::new()))
        .with_attributes(variable("OTEL_SERVICE_NAME").map(name))
        .build()
}

/// Logs failures at most once a minute. The SDK logs several lines for each batch.
#[derive(Debug)]
struct Exporter {
    exporter: SpanExporter,
    /// The time of the last logged failure, if no export has succeeded since.
    logged: Mutex<Option<Instant>>,
}

impl opentelemetry_sdk::trace::SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let outcome = self.exporter.export(batch).with_subscriber(Dispatch::none()).await;
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(()) if logged.take().is_some() => {
                tracing::info!("the collector accepts spans again");
            }
            Err(error) if logged.is_none_or(|logged| logged.elapsed() >= LOG_INTERVAL) => {
                *logged = Some(Instant::now());
                // The error text may quote the collector's response.
                let what = match error {
                    OTelSdkError::Timeout(_) => "no response in time",
                    _ => "the export failed",
                };
                tracing::warn!(
                    error.message = what,
                    "the collector does not accept spans: some are lost"
                );
            }
            _ => {}
        }
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
