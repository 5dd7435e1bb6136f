//! What the program logs, to standard error.

mod flat;

use std::{any::Any, io::IsTerminal as _, panic::PanicHookInfo};

use anyhow::Context as _;
use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, filter::filter_fn, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use self::flat::{Flat, Members};
use crate::config::{LogArgs, LogFormat};

/// At TRACE, the SDK and the embedded engine log whole items, and so what is known of patients: whatever is
/// asked for, only our own lines come at that level.
fn shows_no_bodies(line: &Metadata<'_>) -> bool {
    *line.level() <= Level::DEBUG || line.target().starts_with("clinic_api")
}

/// What a panic says, if it was written down in the code as it is. What was put together while the service ran may
/// hold what is known of a patient.
fn said(payload: &(dyn Any + Send)) -> &'static str {
    payload.downcast_ref::<&'static str>().copied().unwrap_or("[redacted]")
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(panic.location = place, panic.message = said(panic.payload()), "panicked");
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
        LogFormat::Json => {
            registry.with(lines.fmt_fields(Members).event_format(Flat)).init();
        }
    }
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_says_nothing_that_was_put_together() {
        let payload = |panic: fn()| std::panic::catch_unwind(panic).unwrap_err();
        assert_eq!(said(&*payload(|| panic!("no such place"))), "no such place");
        let name = "Ida".to_owned();
        let formatted = std::panic::catch_unwind(|| panic!("no such patient: {name}")).unwrap_err();
        assert_eq!(said(&*formatted), "[redacted]");
        let unwrapped = payload(|| assert_eq!("Ida".parse::<u8>(), Ok(7)));
        assert_eq!(said(&*unwrapped), "[redacted]");
    }
}
