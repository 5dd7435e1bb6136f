//! `clinic-api table`: creates the table, or compares its schema and its day sheets with what they
//! should be.

use anyhow::Context as _;
use indicatif::ProgressBar;

use super::{OpenStore, backfill, seed};
use crate::{
    appointments::repo::{repair::repair, verify::verify},
    config::{StoreArgs, TableAction, VerifyArgs},
    scheduling::model::DaySheet,
    time::{Clock as _, SystemClock, utc_date},
};

/// Runs the action. Returns `false` if the table has differences.
pub async fn run(action: TableAction) -> anyhow::Result<bool> {
    match action {
        TableAction::Create(settings) => create(&settings).await,
        TableAction::Check(settings) => {
            print_differences(OpenStore::open_existing(&settings).await?).await
        }
        TableAction::Backfill(settings) => backfill::run(&settings).await,
        TableAction::Verify(settings) => compare_sheets(&settings).await,
        TableAction::Seed(settings) => seed::run(&settings).await.map(|()| true),
    }
}

async fn create(settings: &StoreArgs) -> anyhow::Result<bool> {
    let open = OpenStore::open(settings).await?;
    let created = open.store.create_table().await.context("the table can't be created")?;
    println!("{}: {}", if created { "created" } else { "already exists" }, open.place);
    print_differences(open).await
}

/// Prints the differences. Returns `true` if there are none.
async fn print_differences(open: OpenStore) -> anyhow::Result<bool> {
    let differences = open.store.check_table().await.context("the table can't be described")?;
    for difference in &differences {
        println!("{difference}");
    }
    if differences.is_empty() {
        println!("schema is correct: {}", open.place);
    }
    open.close().await;
    Ok(differences.is_empty())
}

/// Compares day sheets, links and pointers with the appointments, and repairs them on request.
/// Returns `false` if mismatches are left.
async fn compare_sheets(settings: &VerifyArgs) -> anyhow::Result<bool> {
    let open = OpenStore::open_existing(&settings.store).await?;
    open.check_format().await?;
    let items = open.item_count().await?;
    let now = SystemClock.now();
    let today = utc_date(now);
    let from = settings.from.unwrap_or(today).max(DaySheet::first_kept(today));
    let bar = ProgressBar::new(items);
    let report = |items: usize| bar.inc(u64::try_from(items).unwrap_or_default());
    let found = verify(&open.store, from, settings.rate.into(), report).await;
    bar.finish_and_clear();
    let found = found.context("reading the table failed")?;
    let (repaired, left) = if settings.repair {
        let repair =
            repair(&open.store, &found, now).await.context("the repair was interrupted")?;
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
