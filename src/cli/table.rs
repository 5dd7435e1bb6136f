//! `clinic-api table`: the table made, or compared with what it should be, and its day sheets with the appointments.

use anyhow::Context as _;
use indicatif::ProgressBar;

use super::{OpenStore, backfill, seed};
use crate::{
    appointments::repo::{repair::repair, verify::verify},
    config::{StoreArgs, TableAction, VerifyArgs},
    scheduling::model::DaySheet,
    time::{Clock as _, SystemClock, utc_date},
};

/// Runs the action; `false` if the table is not as it should be.
pub async fn run(action: TableAction) -> anyhow::Result<bool> {
    match action {
        TableAction::Create(settings) => create(&settings).await,
        TableAction::Check(settings) => print_differences(OpenStore::open(&settings).await?).await,
        TableAction::Backfill(settings) => backfill::run(&settings).await,
        TableAction::Verify(settings) => compare_sheets(&settings).await,
        TableAction::Seed(settings) => seed::run(&settings).await.map(|()| true),
    }
}

async fn create(settings: &StoreArgs) -> anyhow::Result<bool> {
    let open = OpenStore::open(settings).await?;
    let made = open.store.create_table().await.context("the table can't be made")?;
    println!("{}: {}", if made { "made" } else { "there already" }, open.place);
    print_differences(open).await
}

/// Prints the differences; `true` if there are none.
async fn print_differences(open: OpenStore) -> anyhow::Result<bool> {
    let differences = open.store.check_table().await.context("the table can't be described")?;
    for difference in &differences {
        println!("{difference}");
    }
    if differences.is_empty() {
        println!("as it should be: {}", open.place);
    }
    open.close().await;
    Ok(differences.is_empty())
}

/// Compares the day sheets with the appointments, and repairs them if that was asked for; `false` if they differ then.
async fn compare_sheets(settings: &VerifyArgs) -> anyhow::Result<bool> {
    let open = OpenStore::open(&settings.store).await?;
    let items = open.item_count().await?;
    let now = SystemClock.now();
    let today = utc_date(now);
    let from = settings.from.unwrap_or(today).max(DaySheet::first_kept(today));
    let bar = ProgressBar::new(items);
    let tell = |items: usize| bar.inc(u64::try_from(items).unwrap_or_default());
    let found = verify(&open.store, from, settings.rate.into(), tell).await;
    bar.finish_and_clear();
    let found = found.context("the table can't be read to its end")?;
    let (repaired, left) = if settings.repair {
        let repair = repair(&open.store, &found, now).await.context("not all could be repaired")?;
        (repair.repaired, repair.left)
    } else {
        (Vec::new(), found.mismatches().collect())
    };
    for (what, list) in [("repaired: ", &repaired), ("", &left)] {
        for (sheet, mismatch) in list {
            println!("{what}{}: {mismatch}", sheet.for_people());
        }
    }
    let repaired =
        if settings.repair { format!(", {} repaired", repaired.len()) } else { String::new() };
    println!(
        "{} appointments from {from} on: {} mismatches{repaired} ({})",
        found.appointments,
        left.len(),
        open.place
    );
    open.close().await;
    Ok(left.is_empty())
}
