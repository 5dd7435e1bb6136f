//! `clinic-api table`: creates the table, or compares its schema with what it should be.

use anyhow::Context as _;

use super::{OpenStore, backfill, seed, verify};
use crate::config::{StoreArgs, TableAction};

/// Runs the action. Returns `false` if the table has differences.
pub async fn run(action: TableAction) -> anyhow::Result<bool> {
    match action {
        TableAction::Create(settings) => create(&settings).await,
        TableAction::Check(settings) => {
            print_differences(OpenStore::open_existing(&settings).await?).await
        }
        TableAction::Backfill(settings) => backfill::run(&settings).await,
        TableAction::Verify(settings) => verify::run(&settings).await,
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
