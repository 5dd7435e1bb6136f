//! `clinic-api serve`: the service from start to end.

use std::{fmt::Write as _, io::Write as _, net::SocketAddr, sync::Arc, time::Duration};

use tokio::net::TcpListener;

use super::{
    identity,
    process::{Process, ShutdownReason, Signals, bind},
    worker::Worker,
};
use crate::{
    app::{AppState, Parts, RequestLimits},
    config::{Engine, LogFormat, ServeArgs, Task},
    http::{
        auth::Role,
        headers::HeaderSettings,
        lifecycle::{Lifecycle, Phase},
        metrics,
        rate::RateSettings,
    },
    server::{self, Limits},
    service::service,
    time::{Clock as _, SystemClock},
    version::VERSION,
};

/// File descriptors reserved for other things than connections: metrics, files, logs.
const OTHER_DESCRIPTORS: u64 = 256;

/// File descriptors of a connection: its own, and one of the database for a request on it.
const DESCRIPTORS: u64 = 2;

/// Runs the service until a signal stops it.
pub async fn run(settings: ServeArgs) -> anyhow::Result<()> {
    let mut process = Process::start("clinic-api", &settings.process).await?;
    let embedded = settings.process.store.store != Engine::DynamoDb;
    if embedded {
        process.open.ensure_table().await?;
    }
    let clock = SystemClock;
    let loopback = settings.listen.listen.ip().is_loopback();
    let (authenticator, development) =
        identity::find(&settings.identity, loopback, clock.now()).await?;
    let listener = bind(settings.listen.listen, "--listen")?;
    let address = listener.local_addr()?;
    match settings.process.log.log_format {
        LogFormat::Text => {
            let tokens = development.map(|issuer| {
                identity::tokens_of_roles(&issuer, &settings.identity.development, clock.now())
            });
            greet(address, &process, tokens.transpose()?.unwrap_or_default());
        }
        // Standard output stays empty for programs that read JSON lines.
        LogFormat::Json => tracing::info!(
            service.version = VERSION,
            api.url = format!("http://{address}/v1/clinics"),
            store.place = process.open.place,
            metrics.url = process.metrics,
            "serving"
        ),
    }
    let limits =
        Limits { connections: connections(settings.limits.max_connections), ..Limits::default() };
    metrics::limits(limits.connections, settings.limits.max_concurrent_requests);
    let worker = if settings.worker.unwrap_or(embedded) {
        let tasks = [Task::Stream, Task::Deliveries];
        let keys = process.keyring.webhook_secrets.clone();
        Some(Worker::start(&process.open, keys, &tasks, &settings.process)?)
    } else {
        None
    };
    let state = AppState::new(Parts {
        store: process.open.store.clone(),
        clock: Arc::new(clock),
        keyring: process.keyring.clone(),
        authenticator,
        audit_retention: settings.process.retention.audit_retention_days,
        limits: RequestLimits {
            concurrent: settings.limits.max_concurrent_requests,
            deadline: RequestLimits::default().deadline,
            rates: RateSettings {
                per_address: settings.limits.rate_per_address,
                per_principal: settings.limits.rate_per_principal,
                per_organisation: settings.limits.rate_per_organisation,
                trusted_proxies: settings.limits.trusted_proxies,
            },
        },
        headers: HeaderSettings {
            hsts_max_age: settings.limits.hsts_max_age,
            server_timing: settings.limits.server_timing,
        },
        webhook_targets: settings.process.webhook_allow.clone().unwrap_or_default(),
    });
    serve(listener, state, limits, &settings, &mut process.signals).await?;
    if let Some(worker) = worker {
        worker.stop(settings.process.drain_timeout).await;
    }
    process.stop().await;
    Ok(())
}

fn greet(address: SocketAddr, process: &Process, tokens: Vec<(Role, String)>) {
    let mut text = format!(
        "clinic-api {VERSION}\n  API         http://{address}/v1/clinics\n  \
         Swagger UI  http://{address}/docs/\n  Data        {}\n",
        process.open.place
    );
    if let Some(metrics) = &process.metrics {
        let _ = writeln!(text, "  Metrics     {metrics}");
    }
    if !tokens.is_empty() {
        text.push_str(
            "  Tokens      for development, valid for 12 hours; `clinic-api token` makes others\n",
        );
    }
    for (role, token) in tokens {
        let _ = writeln!(text, "    {:<12}{token}", role.as_str());
    }
    // A closed standard output is no reason to stop.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// The limit of connections: the one asked for, or what the system allows a process.
fn connections(wanted: usize) -> usize {
    let allowed = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1024);
    let possible = allowed.saturating_sub(OTHER_DESCRIPTORS) / DESCRIPTORS;
    let possible = usize::try_from(possible).unwrap_or(wanted).max(1);
    if possible >= wanted {
        return wanted;
    }
    tracing::info!(
        connections.wanted = wanted,
        connections.allowed = possible,
        "the system's limit of open files (ulimit -n) allows fewer connections"
    );
    possible
}

async fn serve(
    listener: TcpListener,
    state: AppState,
    limits: Limits,
    settings: &ServeArgs,
    signals: &mut Signals,
) -> anyhow::Result<()> {
    let lifecycle = state.lifecycle().clone();
    // On a thread that ends: the allocator gives back what the document of the API took while it was made.
    let made = std::thread::spawn(move || service(state)).join();
    let service = made.map_err(|_| anyhow::anyhow!("the routes can't be put together"))?;
    let drain_timeout = settings.process.drain_timeout;
    let serving = server::run(listener, service, &lifecycle, limits, drain_timeout);
    let stopped_again = async {
        leave(&lifecycle, settings.shutdown_delay, signals).await;
        signals.any().await;
    };
    tokio::select! {
        unfinished = serving => {
            if unfinished > 0 {
                tracing::warn!(connections.unfinished = unfinished, "connections or deletions did not finish in time");
            }
            Ok(())
        }
        () = stopped_again => anyhow::bail!("second signal to stop: running requests were cut off"),
    }
}

/// Waits for a signal to stop, and advances through the phases up to draining.
async fn leave(lifecycle: &Lifecycle, delay: Duration, signals: &mut Signals) {
    let delay = match signals.any().await {
        // A person waits, and no load balancer.
        ShutdownReason::Interrupt => Duration::ZERO,
        ShutdownReason::Terminate => delay,
    };
    tracing::info!(shutdown.delay = ?delay, "stopping: not ready any more, still serving");
    lifecycle.advance(Phase::Leaving);
    metrics::ready(false);
    tokio::select! {
        () = tokio::time::sleep(delay) => {}
        _ = signals.any() => {}
    }
    tracing::info!("stopping: no new connections, running requests finish");
    lifecycle.advance(Phase::Draining);
}
