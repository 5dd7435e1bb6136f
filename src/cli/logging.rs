//! What the program logs, to standard error.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, filter::filter_fn, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::config::{LogArgs, LogFormat};

/// At TRACE, the SDK and the embedded engine log whole items, and so what is known of patients: whatever is
/// asked for, only our own lines come at that level.
fn shows_no_bodies(line: &Metadata<'_>) -> bool {
    *line.level() <= Level::DEBUG || line.target().starts_with("clinic_api")
}

/// Starts logging for the whole process.
///
/// # Errors
/// If the filter is none.
pub fn start(settings: &LogArgs) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.log).context("--log is no filter")?;
    let colours = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
    let registry = tracing_subscriber::registry().with(filter).with(filter_fn(shows_no_bodies));
    match settings.log_format {
        LogFormat::Text => registry.with(lines).init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).init(),
    }
    Ok(())
}
