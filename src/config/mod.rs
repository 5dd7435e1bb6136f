//! Settings: flags and environment variables, documented where they stand.

mod identity;
mod limits;
mod process;
mod store;
mod table;
mod worker;

use std::{net::SocketAddr, time::Duration};

use clap::{Args, Parser, Subcommand};
pub use identity::{DevelopmentArgs, IdentityArgs, TokenArgs};
pub use limits::LimitArgs;
pub use process::{LogArgs, LogFormat, ProcessArgs, RetentionArgs};
pub use store::{Engine, KeyArgs, StoreArgs};
pub use table::{BackfillArgs, SeedArgs, TableAction, TableArgs, VerifyArgs};
pub use worker::{
    DeadLetterAction, DeadLetterArgs, LambdaArgs, ResealArgs, RetryArgs, Task, WorkerAction,
    WorkerArgs, WorkerCommand,
};

/// Clinics, staff, patients and appointments over REST, in one DynamoDB table.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// The command; `serve` if left out.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Settings of `serve`, when it is left out.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the service (the default).
    Serve(Box<ServeArgs>),
    /// Work beside the service: read the table's stream, and send events to webhooks.
    Worker(Box<WorkerCommand>),
    /// Make, verify, backfill or seed the table.
    Table(TableArgs),
    /// Print the OpenAPI document.
    Openapi,
    /// Exit with 0 if the service answers that it is ready; for containers without a shell.
    Healthcheck(HealthcheckArgs),
    /// Print a new key for --secret-keys.
    SecretKey,
    /// Print a token of the development issuer, whose key is made if missing.
    Token(TokenArgs),
}

/// The address of the service.
#[derive(Debug, Clone, Args)]
pub struct ListenArgs {
    /// The address to listen on.
    #[arg(long, env = "CLINIC_API_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
}

/// Settings of `healthcheck`.
#[derive(Debug, Clone, Args)]
pub struct HealthcheckArgs {
    /// The address of the service.
    #[command(flatten)]
    pub listen: ListenArgs,
    /// Check liveness rather than readiness: for supervisors that restart a process that fails the check. While the
    /// table is out of reach, a new process would not be ready either.
    #[arg(long)]
    pub live: bool,
}

/// Settings of the service.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// The address to listen on.
    #[command(flatten)]
    pub listen: ListenArgs,
    /// The settings that it shares with the worker.
    #[command(flatten)]
    pub process: ProcessArgs,
    /// The issuer of tokens.
    #[command(flatten)]
    pub identity: IdentityArgs,
    /// The limits of connections and requests.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Work as `clinic-api worker` does, in the process that serves: `true` if left out with an embedded engine, which no other
    /// process reaches, and `false` with `dynamodb`.
    #[arg(long, env = "CLINIC_API_WORKER")]
    pub worker: Option<bool>,
    /// After SIGTERM, how long it still serves, while `/readyz` answers 503 already: as long as load balancers need
    /// to see it and send requests elsewhere. Ctrl-C skips it.
    #[arg(long, env = "CLINIC_API_SHUTDOWN_DELAY", default_value = "5s", value_parser = process::duration)]
    pub shutdown_delay: Duration,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
