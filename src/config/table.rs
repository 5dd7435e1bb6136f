//! Settings of the `table` commands.

use clap::{Args, Subcommand};
use jiff::civil::Date;

use super::{search::SearchArgs, store::StoreArgs};
use crate::seed::Plan;

/// The `table` commands.
#[derive(Debug, Args)]
pub struct TableArgs {
    /// The action.
    #[command(subcommand)]
    pub action: TableAction,
}

/// A `table` command.
#[derive(Debug, Subcommand)]
pub enum TableAction {
    /// Create the table with its index, stream and TTL, if it does not exist.
    Create(StoreArgs),
    /// Compare the table with the expected schema. Prints the differences and exits with 1 if there
    /// are any. Creates nothing.
    Check(StoreArgs),
    /// Rewrite every item whose shape or index keys are outdated, and the search items of patients
    /// that another search key or release wrote. Reads the whole table (a Scan),
    /// so it needs more permissions than the service. It can run while the service runs, and can be
    /// stopped and repeated. Exits with 1 if some items could not be rewritten.
    Backfill(BackfillArgs),
    /// Check that day sheets, patient links and pointers of moved appointments match the
    /// appointments, and that search items and identifiers match the patients, after a point-in-time
    /// restore. Also lists future appointments whose local time has changed. Reads the whole table (a
    /// Scan), and with search keys each search item and its patient once more. Prints the mismatches
    /// and exits with 1 if there are any. Without --repair it changes nothing, and nobody may write
    /// to the table while it runs.
    Verify(VerifyArgs),
    /// Fill the table with sample data: an organisation with clinics, staff, patients and
    /// appointments, as the API would have written them. The same flags produce the same items, ids
    /// included. A repeated run with the same flags completes an interrupted one and skips complete
    /// clinics. An organisation that has other clinics is refused.
    Seed(SeedArgs),
}

/// Settings of `table verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The store.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The search for patients. Without search keys, `dynamodb` compares no search items.
    #[command(flatten)]
    pub search: SearchArgs,
    /// The first UTC day whose day sheets are compared. Default: today. Days more than 90 days ago
    /// are skipped because their day sheets have expired. Links and pointers are compared for all
    /// days.
    #[arg(long)]
    pub from: Option<Date>,
    /// Rewrite day sheets, links and pointers to match the appointments, and search items and
    /// identifiers to match the patients. It can run while the service runs. Overlapping
    /// appointments, changed local times and identifiers of two patients are printed but not
    /// repaired; then the exit code is 1.
    #[arg(long)]
    pub repair: bool,
    /// The maximum number of items read per second.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: u32,
}

/// Settings of `table backfill`.
#[derive(Debug, Args)]
pub struct BackfillArgs {
    /// The store.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The search for patients: their search items are rewritten with the first search key.
    #[command(flatten)]
    pub search: SearchArgs,
    /// The number of segments that are scanned concurrently. Always 1 with an embedded engine.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub segments: u16,
    /// The maximum number of items read per second.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: u32,
    /// Also move patients whose search key is none of --search-keys to the first one, because their
    /// key is lost. Without this setting they are reported as failed: with wrong search keys, the
    /// service would no longer find them.
    #[arg(long)]
    pub lost_search_keys: bool,
    /// Only count the items that would be rewritten.
    #[arg(long)]
    pub dry_run: bool,
}

/// Settings of `table seed`.
#[derive(Debug, Args)]
pub struct SeedArgs {
    /// The store.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The search for patients.
    #[command(flatten)]
    pub search: SearchArgs,
    /// The sample data.
    #[command(flatten)]
    pub plan: Plan,
    /// The number of concurrent batch writes of 25 items each.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub at_once: u16,
    /// The table name again, as confirmation. Required if the table is not on this machine.
    #[arg(long, value_name = "TABLE")]
    pub confirm_table: Option<String>,
}
