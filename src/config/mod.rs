//! Settings: flags and environment variables, documented where they stand.

mod identity;
mod limits;
mod table;
mod worker;

use std::{net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
pub use identity::{DevelopmentArgs, IdentityArgs, TokenArgs};
use jiff::SignedDuration;
pub use limits::LimitArgs;
pub use table::{BackfillArgs, SeedArgs, TableAction, TableArgs, VerifyArgs};
pub use worker::{
    DeadLetterAction, DeadLetterArgs, LambdaArgs, PaceArgs, ResealArgs, Task, WebhookArgs,
    WorkerAction, WorkerArgs, WorkerCommand,
};

/// Clinics, staff, patients and appointments over REST, in one DynamoDB table.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do; `serve` if left out.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Settings of `serve`, when it is left out.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// What the program can do.
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
    /// Print a new key for --cursor-keys.
    CursorKey,
    /// Print a token of the development issuer, whose key is made if missing.
    Token(TokenArgs),
}

/// Where the data are.
#[derive(Debug, Clone, Args)]
pub struct StoreArgs {
    /// The engine: `memory` (gone at the end), `file:PATH` (embedded, one SQLite file), or `dynamodb`, whose
    /// region, credentials and endpoint come from the environment as for every AWS program (`AWS_REGION`,
    /// `AWS_PROFILE`, `AWS_ENDPOINT_URL_DYNAMODB` for DynamoDB Local, …).
    #[arg(long, env = "CLINIC_API_STORE", default_value = DEFAULT_STORE)]
    pub store: Engine,
    /// The table's name.
    #[arg(long, env = "CLINIC_API_TABLE", default_value = "clinic")]
    pub table: String,
}

#[cfg(feature = "embedded")]
const DEFAULT_STORE: &str = "file:data/clinic.db";
#[cfg(not(feature = "embedded"))]
const DEFAULT_STORE: &str = "dynamodb";

/// Where the service listens.
#[derive(Debug, Clone, Args)]
pub struct ListenArgs {
    /// The address to listen on.
    #[arg(long, env = "CLINIC_API_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
}

/// Whom to ask, and what.
#[derive(Debug, Clone, Args)]
pub struct HealthcheckArgs {
    /// Where the service listens.
    #[command(flatten)]
    pub listen: ListenArgs,
    /// Ask whether it lives rather than whether it is ready: for those who end a process that fails the check. While
    /// the table is out of reach, a new process would not be ready either.
    #[arg(long)]
    pub live: bool,
}

/// Settings of the service.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// Where it listens.
    #[command(flatten)]
    pub listen: ListenArgs,
    /// Where the data are.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The keys that seal the cursors of lists: 32 bytes each in base64url, parted by commas. The first one seals,
    /// all of them open. All replicas need the same. Needed with `dynamodb`; the embedded engine keeps its own
    /// beside the data. `clinic-api cursor-key` makes one.
    #[arg(long, env = "CLINIC_API_CURSOR_KEYS", hide_env_values = true)]
    pub cursor_keys: Option<Secret>,
    /// Who may call.
    #[command(flatten)]
    pub identity: IdentityArgs,
    /// What it bears.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// The address on which to answer `GET /metrics` for Prometheus; nothing is measured if left out.
    #[arg(long, env = "CLINIC_API_METRICS_LISTEN")]
    pub metrics_listen: Option<SocketAddr>,
    /// Work as `clinic-api worker` does, in the process that serves: `true` if left out with an embedded engine, which no other
    /// process reaches, and `false` with `dynamodb`.
    #[arg(long, env = "CLINIC_API_WORKER")]
    pub worker: Option<bool>,
    /// Where events may be sent.
    #[command(flatten)]
    pub webhooks: WebhookArgs,
    /// How it works.
    #[command(flatten)]
    pub pace: PaceArgs,
    /// How it stops.
    #[command(flatten)]
    pub stop: StopArgs,
    /// What it logs.
    #[command(flatten)]
    pub log: LogArgs,
}

/// How the service stops.
#[derive(Debug, Clone, Copy, Args)]
pub struct StopArgs {
    /// After SIGTERM, how long it still serves, while `/readyz` answers 503 already: as long as load balancers need
    /// to see it and send requests elsewhere. Ctrl-C skips it.
    #[arg(long, env = "CLINIC_API_SHUTDOWN_DELAY", default_value = "5s", value_parser = duration)]
    pub shutdown_delay: Duration,
    /// How long running requests may take to finish after that.
    #[arg(long, env = "CLINIC_API_DRAIN_TIMEOUT", default_value = "30s", value_parser = duration)]
    pub drain_timeout: Duration,
}

/// A setting that nobody may see. Any text is one: it is read where it is used, because a parser's error shows the
/// text.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The secret itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// What the program logs.
#[derive(Debug, Clone, Args)]
pub struct LogArgs {
    /// What is logged, to standard error, as `tracing-subscriber` filters.
    #[arg(
        long,
        env = "CLINIC_API_LOG",
        default_value = "info,dynoxide=error,aws_config=warn,aws_smithy_runtime=warn"
    )]
    pub log: String,
    /// In which form it is logged.
    #[arg(long, env = "CLINIC_API_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// In which form lines are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// An engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Engine {
    /// Embedded, gone at the end.
    Memory,
    /// Embedded, on a file.
    File(PathBuf),
    /// DynamoDB, or what its endpoint setting names.
    DynamoDb,
}

impl FromStr for Engine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let engine = match text {
            "memory" => Self::Memory,
            "dynamodb" => Self::DynamoDb,
            other => match other.strip_prefix("file:") {
                Some(path) if !path.is_empty() => Self::File(PathBuf::from(path)),
                _ => return Err("is none of memory, file:PATH, dynamodb".to_owned()),
            },
        };
        if engine != Self::DynamoDb && cfg!(not(feature = "embedded")) {
            return Err("is not in this build, which has dynamodb alone".to_owned());
        }
        Ok(engine)
    }
}

/// A length of time such as `5s`, `500ms` or `1m 30s`, up to an hour.
fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<SignedDuration>().ok();
    let parsed = parsed.filter(|length| *length <= SignedDuration::from_hours(1));
    let parsed = parsed.and_then(|length| Duration::try_from(length).ok());
    parsed.ok_or_else(|| "is no length of time such as 5s or 500ms, up to an hour".to_owned())
}

/// The same, of something that would never rest without a pause.
fn pause(text: &str) -> Result<Duration, String> {
    let pause = duration(text)?;
    if pause >= Duration::from_millis(50) { Ok(pause) } else { Err("is less than 50ms".to_owned()) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn lengths_of_time_have_units() {
        assert_eq!(duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        for bad in ["", "5", "-5s", "2h", "soon"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert_eq!(pause("50ms"), Ok(Duration::from_millis(50)));
        assert!(pause("49ms").is_err() && pause("soon").is_err());
    }

    #[cfg(feature = "embedded")]
    #[test]
    fn engines_are_named_as_documented() {
        assert_eq!("memory".parse(), Ok(Engine::Memory));
        assert_eq!("dynamodb".parse(), Ok(Engine::DynamoDb));
        assert_eq!("file:a/b.db".parse(), Ok(Engine::File("a/b.db".into())));
        for bad in ["", "file:", "sqlite", "Memory"] {
            assert!(bad.parse::<Engine>().is_err(), "{bad}");
        }
    }
}
