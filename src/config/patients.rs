//! Settings of the `patients` commands.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{search::SearchArgs, store::StoreArgs};
use crate::id::OrgId;

/// The `patients` commands.
#[derive(Debug, Args)]
pub struct PatientsArgs {
    /// The action.
    #[command(subcommand)]
    pub action: PatientsAction,
}

/// A `patients` command.
#[derive(Debug, Subcommand)]
pub enum PatientsAction {
    /// Create patients from a file, each in a transaction of its own, like `POST /v1/patients`.
    /// Invalid lines are reported and skipped; then the exit code is 1. An interrupted import is
    /// completed by another run with the same file and flags. Reports never contain values of the
    /// file.
    Import(ImportArgs),
    /// Write all patients of an organisation to standard output or to a file, one per line. Reads
    /// the whole table (a Scan), and adds an entry for every patient to the access log. An
    /// interrupted export cannot be continued. The exit code is 1 if there are no patients.
    Export(ExportArgs),
}

/// Settings of `patients import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The file. `.ndjson`: one JSON object per line, the body of `POST /v1/patients` or a FHIR R4
    /// resource with `"resourceType": "Patient"`. `.csv`: a header that names members, such as
    /// `mrn`, `name/family` and `phones/0/value`, and one patient per row. Cells are separated by
    /// commas, semicolons or tabs.
    pub file: PathBuf,
    /// The store.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The search for patients.
    #[command(flatten)]
    pub search: SearchArgs,
    /// The organisation of the patients.
    #[arg(long)]
    pub org: OrgId,
    /// Write nothing. Report what an import would: invalid lines, identifiers that are twice in the
    /// file or already in the table, and possible duplicates.
    #[arg(long)]
    pub dry_run: bool,
    /// Import into an organisation that has no clinic yet.
    #[arg(long)]
    pub new_org: bool,
    /// Import FHIR resources with members that a patient cannot hold, without these members. Resources
    /// with `modifierExtension` or `implicitRules` stay invalid.
    #[arg(long)]
    pub ignore_unsupported: bool,
    /// The maximum number of patients created per second. A patient has about 20 items.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: u32,
    /// The author of the patients in the audit log.
    #[arg(long, default_value = "system:import", value_parser = subject)]
    pub subject: String,
}

/// Settings of `patients export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The store.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The organisation of the patients.
    #[arg(long)]
    pub org: OrgId,
    /// The format of a line.
    #[arg(long, value_enum, default_value_t = ExportFormat::Ndjson)]
    pub format: ExportFormat,
    /// The file to create, readable by its owner only. It is FILE.partial until it is complete.
    /// Default: standard output.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The maximum number of items read per second.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: u32,
    /// The caller in the access log.
    #[arg(long, default_value = "system:export", value_parser = subject)]
    pub subject: String,
}

/// The format of an exported patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// The body of `POST /v1/patients`, without the id.
    Ndjson,
    /// A FHIR R4 resource with the id.
    Fhir,
}

/// Accepts what the `sub` of a token may be.
fn subject(text: &str) -> Result<String, String> {
    let fits = (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    fits.then(|| text.to_owned()).ok_or_else(|| "must be 1 to 255 visible ASCII characters".into())
}
