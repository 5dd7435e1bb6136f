//! The command line.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use clinic_api::{
    cli::{healthcheck, identity, serve, table, worker},
    config::{Cli, Command},
    keyring::new_key,
    router,
    time::{Clock as _, SystemClock},
};
use tokio::runtime::Runtime;

/// A request makes some thousand allocations, most of them in the SDK.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = Runtime::new().context("the runtime can't start").and_then(|runtime| {
        let done = runtime.block_on(run(cli));
        // Tasks that still run are dropped: a DNS lookup without an answer would hold up the end.
        runtime.shutdown_background();
        done
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("clinic-api: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the command; `false` exits with 1 and no error.
async fn run(cli: Cli) -> anyhow::Result<bool> {
    match cli.command {
        None => serve::run(cli.serve).await.map(|()| true),
        Some(Command::Serve(settings)) => serve::run(*settings).await.map(|()| true),
        Some(Command::Worker(command)) => worker::run(*command).await,
        Some(Command::Table(table)) => table::run(table.action).await,
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
    println!("{}", router::api().1.to_pretty_json()?);
    Ok(true)
}
