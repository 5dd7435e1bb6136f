//! Settings of the worker.

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::{
    process::{LogArgs, ProcessArgs, RetentionArgs},
    store::{KeyArgs, StoreArgs},
};

/// The `worker` command.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct WorkerCommand {
    /// An action that runs instead of the tasks.
    #[command(subcommand)]
    pub action: Option<WorkerAction>,
    /// The settings of the tasks.
    #[command(flatten)]
    pub work: WorkerArgs,
}

/// The actions of the worker.
#[derive(Debug, Subcommand)]
pub enum WorkerAction {
    /// List, retry or drop dead letters: changes that could not be processed.
    DeadLetters {
        /// The action.
        #[command(subcommand)]
        action: DeadLetterAction,
    },
    /// Re-encrypt all webhook secrets with the first secret key. Run it before you remove an old
    /// key.
    ResealSecrets(ResealArgs),
    /// Write the missing access log entries of the last 30 days, after the stream was lost. Reads
    /// the whole table (a Scan), so it needs more permissions than the worker. On DynamoDB it can
    /// run while the service and the worker run. It can be stopped and repeated.
    RecoverAccesses(RecoverArgs),
}

/// Settings of `recover-accesses`.
#[derive(Debug, Args)]
pub struct RecoverArgs {
    /// The store.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The retention of the access log.
    #[command(flatten)]
    pub retention: RetentionArgs,
    /// The maximum number of items read per second.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: u32,
}

/// Settings of `reseal-secrets`.
#[derive(Debug, Args)]
pub struct ResealArgs {
    /// The store.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The secret keys.
    #[command(flatten)]
    pub keys: KeyArgs,
}

/// The actions on dead letters.
#[derive(Debug, Subcommand)]
pub enum DeadLetterAction {
    /// List the dead letters with their errors, oldest first.
    List(StoreArgs),
    /// Process dead letters again. Those that succeed are removed.
    Retry(RetryArgs),
    /// Remove dead letters without processing them. Their events and audit log entries are never
    /// written.
    Drop(DeadLetterArgs),
}

/// Settings of `dead-letters retry`.
#[derive(Debug, Args)]
pub struct RetryArgs {
    /// The selection.
    #[command(flatten)]
    pub which: DeadLetterArgs,
    /// The retention of the audit log.
    #[command(flatten)]
    pub retention: RetentionArgs,
}

/// The selection of dead letters.
#[derive(Debug, Args)]
pub struct DeadLetterArgs {
    /// The store.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The event ids of the dead letters.
    #[arg(required_unless_present = "all")]
    pub event_ids: Vec<String>,
    /// Select all dead letters.
    #[arg(long, conflicts_with = "event_ids")]
    pub all: bool,
}

/// A task of the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Task {
    /// Reads the table's stream and writes the audit log, the access log and deliveries to
    /// webhooks. One worker at a time does this.
    Stream,
    /// Sends deliveries to webhooks. All workers do this.
    Deliveries,
}

/// Settings of the worker. With an embedded engine, the service itself does the worker's tasks,
/// because no other process can open the data.
#[derive(Debug, Clone, Args)]
pub struct WorkerArgs {
    /// The settings that the worker shares with the service.
    #[command(flatten)]
    pub process: ProcessArgs,
    /// The tasks of this worker, separated by commas.
    #[arg(
        long,
        env = "CLINIC_API_WORKER_TASKS",
        value_delimiter = ',',
        default_value = "stream,deliveries"
    )]
    pub tasks: Vec<Task>,
}

/// Settings of the worker as an AWS Lambda function. They come from environment variables.
#[derive(Debug, Parser)]
#[command(name = "clinic-api-lambda", version)]
pub struct LambdaArgs {
    /// The store.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The retention of the audit log.
    #[command(flatten)]
    pub retention: RetentionArgs,
    /// The log.
    #[command(flatten)]
    pub log: LogArgs,
}
