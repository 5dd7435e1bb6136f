//! Settings of the worker.

use std::{net::SocketAddr, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::{LogArgs, Secret, StoreArgs, duration, pause};
use crate::webhooks::model::target::AllowList;

/// What works beside the service.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct WorkerCommand {
    /// What to do; to work, if left out.
    #[command(subcommand)]
    pub action: Option<WorkerAction>,
    /// Settings of the work.
    #[command(flatten)]
    pub work: WorkerArgs,
}

/// What can be done beside working.
#[derive(Debug, Subcommand)]
pub enum WorkerAction {
    /// Changes that could not be processed.
    DeadLetters {
        /// What to do with them.
        #[command(subcommand)]
        action: DeadLetterAction,
    },
    /// Seal the secrets of all webhooks anew with the first of the cursor keys, before an old key is taken out.
    ResealSecrets(ResealArgs),
}

/// Which table, and which keys.
#[derive(Debug, Args)]
pub struct ResealArgs {
    /// Where the data are.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The keys that open the secrets; the first one seals them anew.
    #[arg(long, env = "CLINIC_API_CURSOR_KEYS", hide_env_values = true)]
    pub cursor_keys: Option<Secret>,
}

/// What can be done with changes that could not be processed.
#[derive(Debug, Subcommand)]
pub enum DeadLetterAction {
    /// List them, the earliest first, with what was in the way.
    List(StoreArgs),
    /// Process them again; what can be processed now is one no more.
    Retry(DeadLetterArgs),
    /// Forget them. What would have followed from them never will.
    Drop(DeadLetterArgs),
}

/// Which changes that could not be processed.
#[derive(Debug, Args)]
pub struct DeadLetterArgs {
    /// Where the data are.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The event ids of those that are meant.
    #[arg(required_unless_present = "all")]
    pub event_ids: Vec<String>,
    /// All of them.
    #[arg(long, conflicts_with = "event_ids")]
    pub all: bool,
}

/// What a worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Task {
    /// Reads the table's stream: the trail of changes, and deliveries to webhooks. Of several workers, one does.
    Stream,
    /// Sends deliveries. All workers do.
    Deliveries,
}

/// Where events may be sent.
#[derive(Debug, Clone, Args)]
pub struct WebhookArgs {
    /// Hosts with their ports, parted by commas, to which events may be sent although their addresses are not public, also
    /// without TLS, as `localhost:9000`. For development.
    #[arg(long, env = "CLINIC_API_WEBHOOK_ALLOW")]
    pub webhook_allow: Option<AllowList>,
}

/// How the worker works.
#[derive(Debug, Clone, Args)]
pub struct PaceArgs {
    /// For how long a worker that dies keeps others from reading the stream.
    #[arg(long, env = "CLINIC_API_WORKER_LEASE", default_value = "15s", value_parser = pause)]
    pub worker_lease: Duration,
    /// How often it is asked which deliveries are due.
    #[arg(long, env = "CLINIC_API_WORKER_POLL", default_value = "1s", value_parser = pause)]
    pub worker_poll: Duration,
}

/// Settings of the worker.
#[derive(Debug, Clone, Args)]
pub struct WorkerArgs {
    /// Where the data are. An embedded engine is in the process that serves: that one works for itself.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The keys that open the secrets of webhooks: the service's.
    #[arg(long, env = "CLINIC_API_CURSOR_KEYS", hide_env_values = true)]
    pub cursor_keys: Option<Secret>,
    /// What to do.
    #[arg(
        long,
        env = "CLINIC_API_WORKER_TASKS",
        value_delimiter = ',',
        default_value = "stream,deliveries"
    )]
    pub tasks: Vec<Task>,
    /// Where events may be sent.
    #[command(flatten)]
    pub webhooks: WebhookArgs,
    /// How it works.
    #[command(flatten)]
    pub pace: PaceArgs,
    /// The address on which to answer `GET /metrics` and `GET /livez`; nothing is measured if left out.
    #[arg(long, env = "CLINIC_API_METRICS_LISTEN")]
    pub metrics_listen: Option<SocketAddr>,
    /// How long what is under way may take to end after it was told to stop.
    #[arg(long, env = "CLINIC_API_DRAIN_TIMEOUT", default_value = "30s", value_parser = duration)]
    pub drain_timeout: Duration,
    /// What it logs.
    #[command(flatten)]
    pub log: LogArgs,
}

/// The worker as a function of AWS Lambda, which reads its settings from the environment.
#[derive(Debug, Parser)]
#[command(name = "clinic-api-lambda", version)]
pub struct LambdaArgs {
    /// Where the data are.
    #[command(flatten)]
    pub store: StoreArgs,
    /// What it logs.
    #[command(flatten)]
    pub log: LogArgs,
}
