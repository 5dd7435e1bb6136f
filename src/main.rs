//! The command line.

use std::process::ExitCode;

use clap::Parser as _;
use clinic_api::{
    cli::{healthcheck, serve, table},
    config::{Cli, Command},
    http::cursor::new_key,
    router,
};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        None => serve::run(cli.serve).await.map(|()| true),
        Some(Command::Serve(settings)) => serve::run(*settings).await.map(|()| true),
        Some(Command::Table(table)) => table::run(table.action).await,
        Some(Command::Openapi) => print_openapi(),
        Some(Command::Healthcheck(settings)) => healthcheck::run(&settings).await,
        Some(Command::CursorKey) => {
            println!("{}", new_key());
            Ok(true)
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("clinic-api: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn print_openapi() -> anyhow::Result<bool> {
    println!("{}", router::api().1.to_pretty_json()?);
    Ok(true)
}
