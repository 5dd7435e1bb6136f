//! Settings: flags and environment variables. The comment of each field is its `--help` text.

mod identity;
mod limits;
mod patients;
mod process;
mod search;
mod store;
mod table;
mod worker;

use std::{env, ffi::OsString, net::SocketAddr, time::Duration};

use clap::{
    ArgAction, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand,
    builder::BoolishValueParser,
};
pub use identity::{DevelopmentArgs, IdentityArgs, TokenArgs};
pub use limits::LimitArgs;
pub use patients::{ExportArgs, ExportFormat, ImportArgs, PatientsAction, PatientsArgs};
pub use process::{LogArgs, LogFormat, ProcessArgs, RetentionArgs};
pub use search::SearchArgs;
pub use store::{Engine, KeyArgs, StoreArgs};
pub use table::{BackfillArgs, SeedArgs, TableAction, TableArgs, VerifyArgs};
pub use worker::{
    DeadLetterAction, DeadLetterArgs, LambdaArgs, RecoverArgs, ResealArgs, RetryArgs, Task,
    WorkerAction, WorkerArgs, WorkerCommand,
};

use crate::http::cors::AllowedOrigins;

/// REST service for clinics, staff, patients and appointments, in one DynamoDB table.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// The command. Default: `serve`.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The settings of `serve`, if no command is given.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the service (the default).
    Serve(Box<ServeArgs>),
    /// Run the worker: read the table's stream and send events to webhooks.
    Worker(Box<WorkerCommand>),
    /// Create, check, backfill, verify or seed the table.
    Table(TableArgs),
    /// Import or export patients.
    Patients(PatientsArgs),
    /// Print the OpenAPI document.
    Openapi,
    /// Check that the service is ready: exits with 0 if it is. For containers without a shell.
    Healthcheck(HealthcheckArgs),
    /// Print a new key for --secret-keys or --search-keys.
    SecretKey,
    /// Print a token of the development issuer. Creates the issuer's key if missing.
    Token(TokenArgs),
}

/// The address of the service.
#[derive(Debug, Clone, Args)]
pub struct ListenArgs {
    /// The address to listen on.
    ///
    /// `healthcheck` sends its request to this address.
    #[arg(long, env = "CLINIC_API_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
}

/// Settings of `healthcheck`.
#[derive(Debug, Clone, Args)]
pub struct HealthcheckArgs {
    /// The address of the service.
    #[command(flatten)]
    pub listen: ListenArgs,
    /// Check liveness instead of readiness. For supervisors that restart an unhealthy process: a
    /// restart does not help while the table is unreachable.
    #[arg(long)]
    pub live: bool,
}

/// Settings of the service.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// The address that the service listens on.
    #[command(flatten)]
    pub listen: ListenArgs,
    /// The settings that the service shares with the worker.
    #[command(flatten)]
    pub process: ProcessArgs,
    /// The search for patients.
    #[command(flatten)]
    pub search: SearchArgs,
    /// The token issuer.
    #[command(flatten)]
    pub identity: IdentityArgs,
    /// The limits of connections and requests.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// The origins whose pages may call the API from a browser (CORS), separated by commas, for
    /// example `https://desk.example.org`. Default: none.
    #[arg(long, env = "CLINIC_API_CORS_ORIGINS")]
    pub cors_origins: Option<AllowedOrigins>,
    /// Run the worker's tasks in the service process. If the setting is absent, the engine decides:
    /// `true` with an embedded engine, which no other process can open, and `false` with
    /// `dynamodb`.
    #[arg(long, env = "CLINIC_API_WORKER", num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub worker: Option<bool>,
    /// The time after SIGTERM during which the service still accepts requests while `/readyz`
    /// returns 503. Set it to the time that load balancers need to stop sending requests. Ctrl-C
    /// skips the delay.
    #[arg(long, env = "CLINIC_API_SHUTDOWN_DELAY", default_value = "5s", value_parser = process::duration)]
    pub shutdown_delay: Duration,
}

impl Cli {
    /// Parses a command line, which begins with the program name.
    pub fn read(
        given: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> Result<Self, clap::Error> {
        Self::from_arg_matches(&Self::full_command().try_get_matches_from(given)?)
    }

    /// Returns the log format of the command. Only long-running commands have a setting for it.
    pub fn log_format(&self) -> LogFormat {
        match &self.command {
            None => self.serve.process.log.log_format,
            Some(Command::Serve(serve)) => serve.process.log.log_format,
            Some(Command::Worker(worker)) => worker.work.process.log.log_format,
            Some(_) => LogFormat::Text,
        }
    }

    /// Returns the commands. Every flag may have a value: `--worker`, `--worker true`,
    /// `--worker=false`.
    pub fn full_command() -> clap::Command {
        with_values(without_empty_variables(Self::command()))
    }
}

/// Ignores environment variables that are empty, so that `VARIABLE=` means the default.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|argument| {
        let value = argument.get_env().and_then(env::var_os);
        if value.is_some_and(|value| value.is_empty()) {
            return argument.env(None::<&'static str>);
        }
        argument
    });
    command.mut_subcommands(without_empty_variables)
}

fn with_values(command: clap::Command) -> clap::Command {
    // Otherwise a switch would take the file after it as its value.
    let with_equals = command.get_positionals().next().is_some();
    let command = command.mut_args(|argument| match argument.get_action() {
        // `--all` replaces a list of ids. It is not a setting.
        ArgAction::SetTrue if argument.get_id() == "all" => argument,
        ArgAction::SetTrue => argument
            .action(ArgAction::Set)
            .num_args(0..=1)
            .require_equals(with_equals)
            .default_value("false")
            .default_missing_value("true")
            .value_parser(BoolishValueParser::new()),
        _ => argument,
    });
    command.mut_subcommands(with_values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::full_command().debug_assert();
    }

    #[test]
    fn every_boolean_may_have_a_value() {
        fn check(command: &clap::Command, path: &str) {
            let given =
                command.get_arguments().filter(|it| !it.is_positional() && !it.is_global_set());
            for argument in
                given.filter(|it| !["help", "version", "all"].contains(&it.get_id().as_str()))
            {
                let takes_values = argument.get_action().takes_values();
                assert!(takes_values, "{path} --{} accepts no value", argument.get_id());
            }
            for below in command.get_subcommands() {
                check(below, &format!("{path} {}", below.get_name()));
            }
        }
        check(&Cli::full_command(), "clinic-api");
        let timing = |arguments: &[&str]| {
            let given = ["clinic-api", "serve"].iter().chain(arguments);
            let Some(Command::Serve(serve)) = Cli::read(given).unwrap().command else {
                panic!("not the serve command");
            };
            (serve.limits.server_timing, serve.worker, serve.identity.nbf_optional)
        };
        assert_eq!(timing(&[]), (false, None, false));
        let bare = timing(&["--server-timing", "--worker", "--nbf-optional"]);
        assert_eq!(bare, (true, Some(true), true));
        let set = ["--server-timing", "true", "--worker=false", "--nbf-optional", "false"];
        assert_eq!(timing(&set), (true, Some(false), false));
    }
}
