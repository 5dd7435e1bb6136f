//! The log, on standard error.

use std::{
    any::Any,
    io::{IsTerminal as _, stderr},
    panic::PanicHookInfo,
};

use anyhow::Context as _;
use jiff::Timestamp;
use json_subscriber::JsonLayer;
use serde_json::json;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{
    EnvFilter,
    filter::filter_fn,
    fmt::{MakeWriter, time::SystemTime},
    layer::{Layer, SubscriberExt as _},
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use crate::config::{LogArgs, LogFormat};

/// Returns whether a line or span may be logged. At TRACE, the SDK and the embedded engine log
/// whole items, which hold patient data. Spans of libraries would add arbitrary fields to our
/// lines.
fn is_allowed(metadata: &Metadata<'_>) -> bool {
    let of_library = !metadata.target().starts_with("clinic_api");
    !(of_library && (metadata.is_span() || *metadata.level() > Level::DEBUG))
}

/// Returns the layer that logs each line as one flat JSON object. `docs/operations.md` lists its
/// fields.
fn json_layer<S>(writer: impl for<'a> MakeWriter<'a> + Send + Sync + 'static) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let mut layer = JsonLayer::stderr();
    layer
        .with_timer("timestamp", SystemTime)
        .with_level("level")
        .with_target("target")
        .with_top_level_flattened_current_span()
        .with_flattened_event();
    layer.with_writer(writer)
}

/// Returns the message of a panic if it is a literal in the code. A message formatted at run time
/// may hold patient data.
fn literal_message(payload: &(dyn Any + Send)) -> &'static str {
    payload.downcast_ref::<&'static str>().copied().unwrap_or("[redacted]")
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(
        panic.location = location,
        panic.message = literal_message(panic.payload()),
        "panicked"
    );
}

/// Reports the error that ends the process, in the format of the log but whatever its filter.
pub fn report_fatal(error: &anyhow::Error, format: LogFormat, now: Timestamp) {
    match format {
        LogFormat::Text => eprintln!("clinic-api: {error:#}"),
        LogFormat::Json => eprintln!(
            "{}",
            json!({
                "timestamp": now, "level": "ERROR", "target": module_path!(),
                "message": "the process ended with an error", "error.message": format!("{error:#}"),
            })
        ),
    }
}

/// Starts logging for the whole process.
pub fn start(settings: &LogArgs) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.log).context("--log is not a valid filter")?;
    let registry = tracing_subscriber::registry().with(filter).with(filter_fn(is_allowed));
    match settings.log_format {
        LogFormat::Text => {
            let text = tracing_subscriber::fmt::layer();
            registry.with(text.with_writer(stderr).with_ansi(stderr().is_terminal())).init();
        }
        LogFormat::Json => registry.with(json_layer(stderr)).init(),
    }
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value};

    use super::*;

    #[test]
    fn a_json_line_is_one_flat_object_whatever_it_contains() {
        let lines = tempfile::NamedTempFile::new().unwrap();
        let registry = tracing_subscriber::registry().with(filter_fn(is_allowed));
        let subscriber = registry.with(super::json_layer(lines.reopen().unwrap()));
        tracing::subscriber::with_default(subscriber, || {
            let outer =
                tracing::info_span!("outer", http.route = "/a", trace_id = tracing::field::Empty);
            outer.record("trace_id", "0af7");
            let _outer = outer.entered();
            let _foreign = tracing::info_span!(target: "hyper", "x", http.route = "/b").entered();
            let nothing: Option<&str> = None;
            tracing::info!(
                "error.type" = nothing,
                error.message = "a \"quote\"\n}{\u{1}\\",
                patients = -7_i64,
                kind = ?Some("a \"quote\""),
                share = 0.5,
                infinite = f64::INFINITY,
                asked = true,
                "a line of {}\n",
                "zoë"
            );
        });
        let logged = std::fs::read_to_string(lines.path()).unwrap();
        assert_eq!(logged.lines().count(), 1, "{logged}");
        let mut line: Map<String, Value> = serde_json::from_str(&logged).unwrap();
        let time = line.remove("timestamp").unwrap();
        assert_eq!(time.as_str().unwrap().len(), "2026-11-26T08:00:00.000000Z".len(), "{time}");
        let expected = json!({
            "level": "INFO", "target": module_path!(), "name": "outer", "http.route": "/a",
            "trace_id": "0af7", "error.message": "a \"quote\"\n}{\u{1}\\",
            "message": "a line of zoë\n", "patients": -7, "kind": "Some(\"a \\\"quote\\\"\")",
            "share": 0.5, "infinite": null, "asked": true,
        });
        assert_eq!(Value::Object(line), expected);
    }

    #[test]
    fn a_panic_logs_literal_messages_only() {
        let payload = |panic: fn()| std::panic::catch_unwind(panic).unwrap_err();
        assert_eq!(literal_message(&*payload(|| panic!("no such page"))), "no such page");
        let name = "Ida".to_owned();
        let formatted = std::panic::catch_unwind(|| panic!("no such patient: {name}")).unwrap_err();
        assert_eq!(literal_message(&*formatted), "[redacted]");
        let unwrapped = payload(|| assert_eq!("Ida".parse::<u8>(), Ok(7)));
        assert_eq!(literal_message(&*unwrapped), "[redacted]");
    }
}
