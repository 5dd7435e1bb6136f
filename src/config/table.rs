//! Settings of the commands that work on the table.

use clap::{Args, Subcommand};
use jiff::civil::Date;

use super::StoreArgs;
use crate::id::OrgId;

/// What to do with the table.
#[derive(Debug, Args)]
pub struct TableArgs {
    /// Make, verify, backfill or seed.
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
    /// Fill the table with a made-up organisation, to try the service at the size that it is to have: clinics with staff,
    /// patients and appointments, as the API would have written them. The same flags make the same items, ids included. A run
    /// that was cut short is completed by another one with the same flags; clinics that are whole are passed over. An
    /// organisation with other clinics is refused.
    Seed(SeedArgs),
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
    /// How many parts of the table are read side by side; with an embedded engine always one.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub segments: u16,
    /// How many items a second are read at most.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: u32,
    /// Only tell how many items would be written.
    #[arg(long)]
    pub dry_run: bool,
}

/// What to make up, and where.
#[derive(Debug, Args)]
pub struct SeedArgs {
    /// Where the data are.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The organisation. It must have no clinics, but those of an earlier run with the same flags.
    #[arg(long, default_value = "ORG-DEMO")]
    pub org: OrgId,
    /// How many clinics; more than in an earlier run add to those.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub clinics: u32,
    /// How many staff members each clinic has.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=5_000))]
    pub staff: u16,
    /// How many patients each clinic has: at least as many as staff members.
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub patients: u32,
    /// How many appointments each clinic has: ten a workday and staff member, a third of the days before `--today`.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub appointments: u32,
    /// The day at whose beginning (UTC) all of it is so; the day of the run if left out.
    #[arg(long)]
    pub today: Option<Date>,
    /// Where chance begins: another number makes other ids and other appointments.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How many calls of 25 items are under way at once.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub at_once: u16,
    /// The name of the table once more: needed where the table is not on this machine.
    #[arg(long, value_name = "TABLE")]
    pub confirm_table: Option<String>,
}
