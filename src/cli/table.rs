//! `clinic-api table`: the table made, or compared with what it should be.

use anyhow::Context as _;

use super::{OpenStore, backfill, seed, verify};
use crate::{
    config::{StoreArgs, TableAction},
    store::schema::Created,
};

/// Runs the action; `false` if the table is not as it should be.
///
/// # Errors
/// The error of the engine or the database.
pub async fn run(action: TableAction) -> anyhow::Result<bool> {
    match action {
        TableAction::Create(settings) => create(&settings).await,
        TableAction::Check(settings) => check(&settings).await,
        TableAction::Backfill(settings) => backfill::run(&settings).await,
        TableAction::Verify(settings) => verify::run(&settings).await,
        TableAction::Seed(settings) => seed::run(&settings).await.map(|()| true),
    }
}

async fn create(settings: &StoreArgs) -> anyhow::Result<bool> {
    let open = OpenStore::open(settings).await?;
    let created = open.store.create_table().await.context("the table can't be made")?;
    match created {
        Created::New => println!("made: {}", open.place),
        Created::Existing => println!("there already: {}", open.place),
    }
    print_differences(open).await
}

async fn check(settings: &StoreArgs) -> anyhow::Result<bool> {
    let open = OpenStore::open(settings).await?;
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
