//! Where spans go: to a collector of OpenTelemetry's, if the environment names one.
//!
//! The variables are those of OpenTelemetry's specification, so that whoever knows it knows these settings.

mod collector;

use std::time::Duration;

use anyhow::{Context as _, bail};
use opentelemetry::{Key, KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracerProvider},
};
use tokio::{task::spawn_blocking, time::timeout};

use self::collector::Collector;
use crate::{http::version::VERSION, telemetry};

/// How long the last spans may take to leave when the process ends.
const FLUSH: Duration = Duration::from_secs(5);
/// How long the collector may take to answer, unless the environment says otherwise.
const PATIENCE: Duration = Duration::from_secs(10);

/// Spans that are made and sent.
#[derive(Debug)]
pub struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Makes spans from now on if the environment names a collector. `service` is its name if the environment has none.
    ///
    /// # Errors
    /// If a variable says what can't be done, for people.
    pub fn start(service: &'static str) -> anyhow::Result<Self> {
        if !is_wanted() {
            return Ok(Self(None));
        }
        if let Some(other) = of_traces("PROTOCOL").filter(|protocol| protocol != "http/protobuf") {
            bail!("OTEL_EXPORTER_OTLP_PROTOCOL is {other}: only http/protobuf is spoken");
        }
        let collector = Collector::new(patience()?)?;
        let exporter = SpanExporter::builder().with_http().with_http_client(collector).build();
        let provider = SdkTracerProvider::builder()
            .with_sampler(sampler(variable("OTEL_TRACES_SAMPLER").as_deref())?)
            .with_resource(resource(service))
            .with_batch_exporter(exporter.context("spans can't be sent")?)
            .build();
        telemetry::start(provider.tracer("clinic-api"));
        tracing::info!("spans are sent to the collector that the environment names");
        Ok(Self(Some(provider)))
    }

    /// Sends the last spans, if the collector takes them in time.
    pub async fn stop(self) {
        let Some(provider) = self.0 else { return };
        // It waits for the thread that sends them.
        let flush = spawn_blocking(move || provider.shutdown_with_timeout(FLUSH));
        if !matches!(timeout(FLUSH, flush).await, Ok(Ok(Ok(())))) {
            tracing::warn!("the last spans could not be sent");
        }
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What the environment says of the exporter of spans, or else of all exporters.
fn of_traces(name: &str) -> Option<String> {
    variable(&format!("OTEL_EXPORTER_OTLP_TRACES_{name}"))
        .or_else(|| variable(&format!("OTEL_EXPORTER_OTLP_{name}")))
}

fn is_wanted() -> bool {
    let disabled = variable("OTEL_SDK_DISABLED").is_some_and(|it| it.eq_ignore_ascii_case("true"));
    let none = variable("OTEL_TRACES_EXPORTER").is_some_and(|exporter| exporter == "none");
    of_traces("ENDPOINT").is_some() && !disabled && !none
}

fn patience() -> anyhow::Result<Duration> {
    let Some(set) = of_traces("TIMEOUT") else { return Ok(PATIENCE) };
    let millis = set.parse().context("OTEL_EXPORTER_OTLP_TIMEOUT is no number of milliseconds")?;
    Ok(Duration::from_millis(millis))
}

/// Who is traced: the name of the environment before ours.
fn resource(service: &'static str) -> Resource {
    let name = Key::from_static_str("service.name");
    let found = Resource::builder().build();
    let named = found.get(&name).is_some_and(|it| !it.as_str().starts_with("unknown_service"));
    let resource = Resource::builder();
    let resource = if named { resource } else { resource.with_service_name(service) };
    let version = Key::from_static_str("service.version");
    let versioned = found.get(&version).is_some();
    let ours = (!versioned).then(|| KeyValue::new(version, VERSION));
    resource.with_attributes(ours).build()
}

/// Which requests are traced. Unless a `parentbased_…` is asked for, what callers say of it counts for nothing: anybody
/// could have every request traced, or keep theirs out of sight.
fn sampler(name: Option<&str>) -> anyhow::Result<Sampler> {
    let name = name.unwrap_or("always_on");
    let (of_caller, root) = match name.strip_prefix("parentbased_") {
        Some(root) => (true, root),
        None => (false, name),
    };
    let root = match root {
        "always_on" => Sampler::AlwaysOn,
        "always_off" => Sampler::AlwaysOff,
        "traceidratio" => Sampler::TraceIdRatioBased(ratio(variable("OTEL_TRACES_SAMPLER_ARG"))?),
        _ => bail!(
            "OTEL_TRACES_SAMPLER is {name}, which is none of always_on, always_off and traceidratio, each also \
             with parentbased_ before it"
        ),
    };
    Ok(if of_caller { Sampler::ParentBased(Box::new(root)) } else { root })
}

fn ratio(set: Option<String>) -> anyhow::Result<f64> {
    let Some(set) = set else { return Ok(1.0) };
    let ratio = set.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.with_context(|| format!("OTEL_TRACES_SAMPLER_ARG is {set}, no number from 0 to 1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_callers_say_counts_only_where_that_is_asked_for() {
        assert!(matches!(sampler(None), Ok(Sampler::AlwaysOn)));
        assert!(matches!(sampler(Some("always_off")), Ok(Sampler::AlwaysOff)));
        assert!(matches!(sampler(Some("parentbased_always_on")), Ok(Sampler::ParentBased(_))));
        assert!(sampler(Some("jaeger_remote")).is_err());
    }

    #[test]
    fn a_ratio_is_a_number_from_0_to_1() {
        assert!(matches!(ratio(None), Ok(1.0)));
        assert!(matches!(ratio(Some("0.25".to_owned())), Ok(0.25)));
        for bad in ["", "1.5", "-1", "NaN", "half"] {
            assert!(ratio(Some(bad.to_owned())).is_err(), "{bad}");
        }
    }
}
