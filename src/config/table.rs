//! Settings of the commands that work on the table.

use clap::{Args, Subcommand};
use jiff::civil::Date;

use super::store::StoreArgs;
use crate::seed::Plan;

/// The commands on the table.
#[derive(Debug, Args)]
pub struct TableArgs {
    /// Make, verify, backfill or seed.
    #[command(subcommand)]
    pub action: TableAction,
}

/// A command on the table.
#[derive(Debug, Subcommand)]
pub enum TableAction {
    /// Make the table where it is missing, with its index, stream and TTL.
    Create(StoreArgs),
    /// Compare the table with what it should be; exit with 1 and print what differs.
    Check(StoreArgs),
    /// Write every item anew that is not stored as this version would write it: after the shape of items or their
    /// index keys have changed. Reads the whole table (a Scan), so it needs more rights than the service. It can be
    /// run beside the service, stopped, and run again. Exits with 1 if there are items that it could do nothing about.
    Backfill(BackfillArgs),
    /// Compare the day sheets and the patients' links with the appointments, of a table that was restored to a point in time,
    /// and name appointments to come whose start is another local time by now. Reads the whole table (a Scan). Prints what
    /// differs and exits with 1. Without --repair it changes nothing, and nobody may write to the table meanwhile.
    Verify(VerifyArgs),
    /// Fill the table with a made-up organisation, to try the service at the size that it is to have: clinics with staff,
    /// patients and appointments, as the API would have written them. The same flags make the same items, ids included. A run
    /// that was cut short is completed by another one with the same flags; complete clinics are skipped. An
    /// organisation with other clinics is refused.
    Seed(SeedArgs),
}

/// Settings of `table verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The store.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The first UTC day to compare; today if left out. Days more than 90 days ago are left out: their sheets have expired.
    #[arg(long)]
    pub from: Option<Date>,
    /// Make the sheets and links what the appointments say, also beside a running service. Appointments that overlap, or whose
    /// local time has changed, are printed and left; then it exits with 1.
    #[arg(long)]
    pub repair: bool,
    /// The limit of items read per second.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: u32,
}

/// Settings of `table backfill`.
#[derive(Debug, Args)]
pub struct BackfillArgs {
    /// The store.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The number of segments that are scanned concurrently; always one with an embedded engine.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub segments: u16,
    /// The limit of items read per second.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: u32,
    /// Only count the items that would be written.
    #[arg(long)]
    pub dry_run: bool,
}

/// Settings of `table seed`.
#[derive(Debug, Args)]
pub struct SeedArgs {
    /// The store.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The organisation.
    #[command(flatten)]
    pub plan: Plan,
    /// The number of concurrent calls of 25 items each.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub at_once: u16,
    /// The name of the table once more: required where the table is not on this machine.
    #[arg(long, value_name = "TABLE")]
    pub confirm_table: Option<String>,
}
