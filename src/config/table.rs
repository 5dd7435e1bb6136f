//! Settings of the commands that work on the table.

use clap::{Args, Subcommand};
use jiff::civil::Date;

use super::StoreArgs;

/// What to do with the table.
#[derive(Debug, Args)]
pub struct TableArgs {
    /// Make, verify or backfill.
    #[command(subcommand)]
    pub action: TableAction,
}

/// What to do with the table, and where it is.
#[derive(Debug, Subcommand)]
pub enum TableAction {
    /// Make the table where it is missing, with its index, stream and TTL.
    Create(StoreArgs),
    /// Compare the table with what it should be; exit with 1 and tell what differs.
    Check(StoreArgs),
    /// Write every item anew that is not stored as this version would write it: after the shape of items or their
    /// index keys have changed. Reads the whole table (a Scan), so it needs more rights than the service. It can be
    /// run beside the service, stopped, and run again. Exits with 1 if there are items that it could do nothing about.
    Backfill(BackfillArgs),
    /// Compare the day sheets with the appointments, on a table that nobody writes to: one that was restored to a point
    /// in time. Reads the whole table (a Scan) and changes nothing. Exits with 1 and tells what differs.
    Verify(VerifyArgs),
}

/// What to compare, and how fast.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Where the data are.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The first UTC day to compare; today if left out.
    #[arg(long)]
    pub from: Option<Date>,
    /// How many items a second are read at most.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: u32,
}

/// What to backfill, and how fast.
#[derive(Debug, Args)]
pub struct BackfillArgs {
    /// Where the data are.
    #[command(flatten)]
    pub store: StoreArgs,
    /// How many parts of the table are read side by side.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub segments: u16,
    /// How many items a second are read at most.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: u32,
    /// Only tell how many items would be written.
    #[arg(long)]
    pub dry_run: bool,
}
