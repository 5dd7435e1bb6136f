//! The progress of a long command on standard error: a bar on a terminal, otherwise a line every
//! ten seconds.

use std::{io::IsTerminal as _, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

/// The interval between lines without a terminal.
const INTERVAL: Duration = Duration::from_secs(10);

pub(super) struct Progress {
    pub(super) bar: ProgressBar,
    next_line: Option<Instant>,
}

impl Progress {
    /// Creates a bar of `length` with an `indicatif` template.
    pub(super) fn new(length: u64, template: &str) -> Self {
        let target = ProgressDrawTarget::stderr_with_hz(5);
        let bar = ProgressBar::with_draw_target(Some(length), target);
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        let lines = !std::io::stderr().is_terminal();
        Self { bar, next_line: lines.then(|| Instant::now() + INTERVAL) }
    }

    /// Moves to `position`, with a message next to the bar. Without a terminal, prints a line at
    /// each interval.
    pub(super) fn advance(
        &mut self,
        position: u64,
        message: String,
        line: impl FnOnce() -> String,
    ) {
        self.bar.set_length(self.bar.length().unwrap_or(0).max(position));
        self.bar.set_position(position);
        self.bar.set_message(message);
        if self.next_line.is_some_and(|due| Instant::now() >= due) {
            self.next_line = Some(Instant::now() + INTERVAL);
            eprintln!("{}", line());
        }
    }
}
