//! `clinic-api table backfill`: items written anew as they would be written today, with a progress bar.

use std::{
    io::IsTerminal as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::{task::JoinSet, time::Instant};

use super::OpenStore;
use crate::{
    config::BackfillArgs,
    kinds,
    store::{
        backfill::{Backfill, Tally},
        scan::Segment,
    },
};

/// How often a line says how far it is where no bar can be drawn.
const LINE_EVERY: Duration = Duration::from_secs(10);

const BAR: &str = "{bar:30} {pos}/about {len} items, {per_sec}, {elapsed}, {msg}";

/// Runs the backfill; `false` if there are items that it could do nothing about.
///
/// # Errors
/// What the engine or the database said.
pub async fn run(settings: &BackfillArgs) -> anyhow::Result<bool> {
    let open = OpenStore::open(&settings.store).await?;
    let items = open.store.item_count().await.context("the table can't be described")?;
    let backfill = Backfill {
        kinds: kinds::all(),
        rate: f64::from(settings.rate) / f64::from(settings.segments),
        dry_run: settings.dry_run,
    };
    let progress = Arc::new(Mutex::new(Progress::new(items)));
    let mut segments = JoinSet::new();
    for number in 0..settings.segments {
        let segment = Segment { number, of: settings.segments };
        let (backfill, store, progress) = (backfill.clone(), open.store.clone(), progress.clone());
        segments.spawn(async move {
            let tell = |tally, failures| locked(&progress).add(tally, failures);
            backfill.run(&store, segment, tell).await
        });
    }
    let mut ended = Ok(());
    while let Some(done) = segments.join_next().await {
        let done = done.context("a part of the backfill ended").and_then(|done| Ok(done?));
        ended = ended.and(done);
    }
    let tally = locked(&progress).finish();
    let rewritten = if settings.dry_run { "would be written anew" } else { "written anew" };
    println!(
        "{} items: {} {rewritten}, {} failed ({})",
        tally.examined, tally.rewritten, tally.failed, open.place
    );
    open.close().await;
    ended.context(
        "the backfill did not come to its end; run it again, it passes over what is done",
    )?;
    Ok(tally.failed == 0)
}

fn locked(progress: &Mutex<Progress>) -> std::sync::MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// What is shown while it runs, on standard error: a bar on a terminal, else a line now and then.
struct Progress {
    bar: ProgressBar,
    tally: Tally,
    next_line: Option<Instant>,
}

impl Progress {
    fn new(items: u64) -> Self {
        let target = ProgressDrawTarget::stderr_with_hz(5);
        let bar = ProgressBar::with_draw_target(Some(items), target);
        bar.set_style(
            ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        let lines = !std::io::stderr().is_terminal();
        Self { bar, tally: Tally::default(), next_line: lines.then(|| Instant::now() + LINE_EVERY) }
    }

    fn add(&mut self, tally: Tally, failures: Vec<String>) {
        self.tally += tally;
        self.bar.set_length(self.bar.length().unwrap_or(0).max(self.tally.examined));
        self.bar.set_position(self.tally.examined);
        self.bar.set_message(format!(
            "{} outdated, {} failed",
            self.tally.rewritten, self.tally.failed
        ));
        for failure in failures {
            self.bar.suspend(|| eprintln!("{failure}"));
        }
        if self.next_line.is_some_and(|due| Instant::now() >= due) {
            self.next_line = Some(Instant::now() + LINE_EVERY);
            let Tally { examined, rewritten, failed } = self.tally;
            eprintln!("{examined} items examined, {rewritten} outdated, {failed} failed");
        }
    }

    fn finish(&mut self) -> Tally {
        self.bar.finish_and_clear();
        self.tally
    }
}
