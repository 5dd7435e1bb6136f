//! How far a long command is, on standard error: a bar on a terminal, else a line now and then.

use std::{io::IsTerminal as _, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

/// How often a line says how far it is where no bar can be drawn.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// What is shown while a command runs.
pub(super) struct Progress {
    bar: ProgressBar,
    next_line: Option<Instant>,
}

impl Progress {
    /// A bar of `length`, drawn by a template of `indicatif`.
    pub(super) fn new(length: u64, template: &str) -> Self {
        let target = ProgressDrawTarget::stderr_with_hz(5);
        let bar = ProgressBar::with_draw_target(Some(length), target);
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        let lines = !std::io::stderr().is_terminal();
        Self { bar, next_line: lines.then(|| Instant::now() + LINE_EVERY) }
    }

    /// That it is so far: what the bar says beside its position, and the line where there is no bar.
    pub(super) fn tell(&mut self, position: u64, message: String, line: impl FnOnce() -> String) {
        self.bar.set_length(self.bar.length().unwrap_or(0).max(position));
        self.bar.set_position(position);
        self.bar.set_message(message);
        if self.next_line.is_some_and(|due| Instant::now() >= due) {
            self.next_line = Some(Instant::now() + LINE_EVERY);
            eprintln!("{}", line());
        }
    }

    /// That so much is to be done, and not what was thought.
    pub(super) fn reach_to(&self, length: u64) {
        self.bar.set_length(length);
    }

    /// Writes a line beside the bar.
    pub(super) fn note(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
