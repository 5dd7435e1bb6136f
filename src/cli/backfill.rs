//! `clinic-api table backfill`: items written anew as they would be written today, with a progress bar.

use anyhow::Context as _;
use tokio::{sync::mpsc, task::JoinSet};

use super::{OpenStore, progress::Progress};
use crate::{
    aggregates,
    config::{BackfillArgs, Engine},
    sensitive::TaskFailed,
    store::{
        backfill::{Backfill, Tally},
        scan::Segment,
    },
};

const BAR: &str = "{bar:30} {pos}/about {len} items, {per_sec}, {elapsed}, {msg}";

/// Runs the backfill; `false` if there are items that it could do nothing about.
pub async fn run(settings: &BackfillArgs) -> anyhow::Result<bool> {
    let open = OpenStore::open(&settings.store).await?;
    let mut progress = Progress::new(open.item_count().await?, BAR);
    // One file gains nothing by parts, and the embedded engine sorts all of it for each page of one.
    let of = if settings.store.store == Engine::DynamoDb { settings.segments } else { 1 };
    let backfill = Backfill {
        item_types: aggregates::item_types(),
        rate: f64::from(settings.rate) / f64::from(of),
        dry_run: settings.dry_run,
    };
    let (sender, mut pages) = mpsc::unbounded_channel();
    let mut segments = JoinSet::new();
    for number in 0..of {
        let segment = Segment { number, of };
        let (backfill, store, sender) = (backfill.clone(), open.store.clone(), sender.clone());
        segments.spawn(async move {
            // The receiver lives until the last sender is dropped.
            let tell = |tally, failures| drop(sender.send((tally, failures)));
            backfill.run(&store, segment, tell).await
        });
    }
    drop(sender);
    let mut total = Tally::default();
    while let Some((tally, failures)) = pages.recv().await {
        total += tally;
        for failure in Vec::<String>::into_iter(failures) {
            progress.bar.suspend(|| eprintln!("{failure}"));
        }
        let Tally { examined, rewritten, failed } = total;
        let message = format!("{rewritten} outdated, {failed} failed");
        let line = || format!("{examined} items examined, {rewritten} outdated, {failed} failed");
        progress.advance(examined, message, line);
    }
    let mut ended = Ok(());
    while let Some(done) = segments.join_next().await {
        let done = done.map_err(TaskFailed::from).context("a part of the backfill ended");
        ended = ended.and(done.and_then(|done| Ok(done?)));
    }
    progress.bar.finish_and_clear();
    let rewritten = if settings.dry_run { "would be written anew" } else { "written anew" };
    println!(
        "{} items: {} {rewritten}, {} failed ({})",
        total.examined, total.rewritten, total.failed, open.place
    );
    open.close().await;
    ended.context(
        "the backfill did not come to its end; run it again, it passes over what is done",
    )?;
    Ok(total.failed == 0)
}
