//! `clinic-api table backfill`: rewrites outdated items and shows the progress.

use anyhow::Context as _;
use tokio::{sync::mpsc, task::JoinSet};

use super::{OpenStore, keyring, progress::Progress};
use crate::{
    aggregates,
    config::{BackfillArgs, Engine},
    records::patients::{model::Patient, repo::Reindex},
    sensitive::TaskFailed,
    store::{
        Item,
        backfill::{Backfill, Tally},
        codec::is_of_type,
        scan::{Segment, patiently},
    },
    time::{Clock as _, SystemClock},
};

const BAR: &str = "{bar:30} {pos}/about {len} items, {per_sec}, {elapsed}, {msg}";

/// Runs the backfill. Returns `false` if some items could not be rewritten.
pub async fn run(settings: &BackfillArgs) -> anyhow::Result<bool> {
    let open = OpenStore::open_existing(&settings.store).await?;
    open.check_format().await?;
    let search = keyring::find_search(&settings.search, &settings.store.store)?;
    let mut progress = Progress::new(open.item_count().await?, BAR);
    // An embedded engine sorts the whole table for each page of a segment, so segments gain
    // nothing.
    let of = if settings.store.store == Engine::DynamoDb { settings.segments } else { 1 };
    let backfill = Backfill {
        item_types: aggregates::item_types(),
        rate: f64::from(settings.rate) / f64::from(of),
        dry_run: settings.dry_run,
    };
    let reindex = Reindex {
        search,
        now: SystemClock.now(),
        lost_keys: settings.lost_search_keys,
        dry_run: settings.dry_run,
    };
    let (sender, mut pages) = mpsc::unbounded_channel();
    let mut segments = JoinSet::new();
    for number in 0..of {
        let segment = Segment { number, of };
        let (backfill, store, sender) = (backfill.clone(), open.store.clone(), sender.clone());
        let reindex = reindex.clone();
        segments.spawn(async move {
            let also = |item: Item| {
                let (store, reindex) = (&store, &reindex);
                async move {
                    if !is_of_type::<Patient>(&item) {
                        return Ok(false);
                    }
                    patiently(|| reindex.run(store, &item)).await
                }
            };
            // The receiver lives until the last sender is dropped.
            let report = |tally, failures| drop(sender.send((tally, failures)));
            backfill.run(&store, segment, also, report).await
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
        let done = done.map_err(TaskFailed::from).context("a segment of the backfill failed");
        ended = ended.and(done.and_then(|done| Ok(done?)));
    }
    progress.bar.finish_and_clear();
    let rewritten = if settings.dry_run { "would be rewritten" } else { "rewritten" };
    println!(
        "{} items: {} {rewritten}, {} failed ({})",
        total.examined, total.rewritten, total.failed, open.place
    );
    open.close().await;
    ended.context("the backfill was interrupted; run it again to complete it")?;
    Ok(total.failed == 0)
}
