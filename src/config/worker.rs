//! Settings of the worker.

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::{
    process::{LogArgs, ProcessArgs, RetentionArgs},
    store::{KeyArgs, StoreArgs},
};

/// The worker beside the service.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct WorkerCommand {
    /// An action in place of the tasks.
    #[command(subcommand)]
    pub action: Option<WorkerAction>,
    /// The settings of the tasks.
    #[command(flatten)]
    pub work: WorkerArgs,
}

/// The actions of the worker.
#[derive(Debug, Subcommand)]
pub enum WorkerAction {
    /// Changes that could not be processed.
    DeadLetters {
        /// The action on them.
        #[command(subcommand)]
        action: DeadLetterAction,
    },
    /// Seal the secrets of all webhooks anew with the first of the secret keys, before an old key is taken out.
    ResealSecrets(ResealArgs),
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

/// The actions on changes that could not be processed.
#[derive(Debug, Subcommand)]
pub enum DeadLetterAction {
    /// List them with their errors, the earliest first.
    List(StoreArgs),
    /// Process them again; those that succeed are removed.
    Retry(RetryArgs),
    /// Remove them. Their events and audit entries are never written.
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
    /// The event ids of those that are meant.
    #[arg(required_unless_present = "all")]
    pub event_ids: Vec<String>,
    /// All of them.
    #[arg(long, conflicts_with = "event_ids")]
    pub all: bool,
}

/// A task of the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Task {
    /// Reads the table's stream: the trail of changes, and deliveries to webhooks. Of several workers, one does.
    Stream,
    /// Sends deliveries. All workers do.
    Deliveries,
}

/// Settings of the worker. An embedded engine is reachable in the process that serves alone, which works for itself.
#[derive(Debug, Clone, Args)]
pub struct WorkerArgs {
    /// The settings that it shares with the service.
    #[command(flatten)]
    pub process: ProcessArgs,
    /// The tasks to do.
    #[arg(
        long,
        env = "CLINIC_API_WORKER_TASKS",
        value_delimiter = ',',
        default_value = "stream,deliveries"
    )]
    pub tasks: Vec<Task>,
}

/// The worker as a function of AWS Lambda, which reads its settings from the environment.
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
