//! `clinic-api table verify`: compares the day sheets with the appointments.

use anyhow::Context as _;
use indicatif::ProgressBar;

use super::OpenStore;
use crate::{
    appointments::repo::verify::verify,
    config::VerifyArgs,
    time::{Clock as _, SystemClock, utc_date},
};

/// Reads the table; `false` if something is wrong.
///
/// # Errors
/// The error of the engine or the database.
pub async fn run(settings: &VerifyArgs) -> anyhow::Result<bool> {
    let open = OpenStore::open(&settings.store).await?;
    let items = open.item_count().await?;
    let from = settings.from.unwrap_or_else(|| utc_date(SystemClock.now()));
    let bar = ProgressBar::new(items);
    let tell = |items: usize| bar.inc(u64::try_from(items).unwrap_or_default());
    let found = verify(&open.store, from, settings.rate.into(), tell).await;
    bar.finish_and_clear();
    let found = found.context("the table can't be read to its end")?;
    let mut wrong = 0_u64;
    for (sheet, mismatch) in found.mismatches() {
        wrong += 1;
        println!("{}: {mismatch}", sheet.for_people());
    }
    println!(
        "{} appointments from {from} on: {wrong} mismatches ({})",
        found.appointments, open.place
    );
    open.close().await;
    Ok(wrong == 0)
}
