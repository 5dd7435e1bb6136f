//! The command line.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use anyhow::Context as _;
use clinic_api::{
    cli::{healthcheck, identity, logging, patients, serve, table, worker},
    config::{Cli, Command},
    keyring::new_key,
    openapi, router,
    time::{Clock as _, SystemClock},
};
use tokio::runtime::Runtime;

/// A request makes about a thousand allocations, most of them in the SDK.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::read(std::env::args_os()).unwrap_or_else(|error| error.exit());
    let format = cli.log_format();
    let done = Runtime::new().context("the async runtime can't start").and_then(|runtime| {
        let done = runtime.block_on(run(cli));
        // Drop the tasks that still run: a DNS lookup without an answer would delay the exit.
        runtime.shutdown_background();
        done
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            logging::report_fatal(&error, format, SystemClock.now());
            ExitCode::FAILURE
        }
    }
}

/// Runs the command. `false` means exit code 1 without an error message.
async fn run(cli: Cli) -> anyhow::Result<bool> {
    match cli.command {
        None => serve::run(cli.serve).await.map(|()| true),
        Some(Command::Serve(settings)) => serve::run(*settings).await.map(|()| true),
        Some(Command::Worker(command)) => worker::run(*command).await,
        Some(Command::Table(table)) => table::run(table.action).await,
        Some(Command::Patients(patients)) => patients::run(patients.action).await,
        Some(Command::Openapi) => print_openapi(),
        Some(Command::Healthcheck(settings)) => healthcheck::run(&settings).await,
        Some(Command::SecretKey) => {
            println!("{}", new_key());
            Ok(true)
        }
        Some(Command::Token(settings)) => identity::print_token(settings, SystemClock.now()),
    }
}

fn print_openapi() -> anyhow::Result<bool> {
    let document = openapi::text(&router::api().1)?;
    match writeln!(io::stdout(), "{document}") {
        // A reader such as `head` may close the pipe early.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(true),
    }
}
