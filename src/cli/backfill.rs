//! `clinic-api table backfill`: items written anew as they would be written today, with a progress bar.

use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use tokio::task::JoinSet;

use super::{OpenStore, progress::Progress};
use crate::{
    config::{BackfillArgs, Engine},
    kinds,
    sensitive::TaskFailed,
    store::{
        backfill::{Backfill, Tally},
        scan::Segment,
    },
};

const BAR: &str = "{bar:30} {pos}/about {len} items, {per_sec}, {elapsed}, {msg}";

/// Runs the backfill; `false` if there are items that it could do nothing about.
///
/// # Errors
/// What the engine or the database said.
pub async fn run(settings: &BackfillArgs) -> anyhow::Result<bool> {
    let open = OpenStore::open(&settings.store).await?;
    let items = open.item_count().await?;
    // One file gains nothing by parts, and the embedded engine sorts all of it for each page of one.
    let of = if settings.store.store == Engine::DynamoDb { settings.segments } else { 1 };
    let backfill = Backfill {
        kinds: kinds::all(),
        rate: f64::from(settings.rate) / f64::from(of),
        dry_run: settings.dry_run,
    };
    let told = Told { shown: Progress::new(items, BAR), tally: Tally::default() };
    let progress = Arc::new(Mutex::new(told));
    let mut segments = JoinSet::new();
    for number in 0..of {
        let segment = Segment { number, of };
        let (backfill, store, progress) = (backfill.clone(), open.store.clone(), progress.clone());
        segments.spawn(async move {
            let tell = |tally, failures| locked(&progress).add(tally, failures);
            backfill.run(&store, segment, tell).await
        });
    }
    let mut ended = Ok(());
    while let Some(done) = segments.join_next().await {
        let done = done.map_err(TaskFailed::from).context("a part of the backfill ended");
        let done = done.and_then(|done| Ok(done?));
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

fn locked(progress: &Mutex<Told>) -> std::sync::MutexGuard<'_, Told> {
    progress.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// What has been done, and what is shown of it.
struct Told {
    shown: Progress,
    tally: Tally,
}

impl Told {
    fn add(&mut self, tally: Tally, failures: Vec<String>) {
        self.tally += tally;
        for failure in failures {
            self.shown.note(&failure);
        }
        let Tally { examined, rewritten, failed } = self.tally;
        let message = format!("{rewritten} outdated, {failed} failed");
        let line = || format!("{examined} items examined, {rewritten} outdated, {failed} failed");
        self.shown.tell(examined, message, line);
    }

    fn finish(&self) -> Tally {
        self.shown.finish();
        self.tally
    }
}
