//! `clinic-api serve`: runs the service from startup to shutdown.

use std::{fmt::Write as _, io::Write as _, net::SocketAddr, sync::Arc, time::Duration};

use tokio::net::TcpListener;

use super::{
    identity, keyring,
    process::{Process, ShutdownReason, Signals, bind},
    worker::Worker,
};
use crate::{
    app::{AppState, Parts, RequestLimits},
    config::{Engine, LogFormat, ServeArgs, Task},
    http::{
        headers::HeaderSettings,
        lifecycle::{Lifecycle, Phase},
        metrics,
        rate::RateSettings,
    },
    server::{self, Limits},
    service::service,
    time::{Clock as _, SystemClock},
    version::VERSION,
    worker::heartbeats::Heartbeats,
};

/// File descriptors reserved for everything but connections: metrics, files, logs.
const OTHER_DESCRIPTORS: u64 = 256;

/// File descriptors per connection: its own, and one to the database for a request on it.
const DESCRIPTORS: u64 = 2;

/// The time that the worker gets to release its leases after a forced shutdown.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs the service until a signal stops it.
pub async fn run(settings: ServeArgs) -> anyhow::Result<()> {
    let mut process = Process::start("clinic-api", &settings.process).await?;
    let embedded = settings.process.store.store != Engine::DynamoDb;
    if embedded {
        process.open.ensure_table().await?;
    }
    process.open.ensure_format().await?;
    let search = keyring::find_search(&settings.search, &settings.process.store.store)?;
    if let Some(path) = &settings.search.search_keys_file {
        tokio::spawn(keyring::follow(search.keys.clone(), path.clone()));
    }
    let clock = SystemClock;
    let loopback = settings.listen.listen.ip().is_loopback();
    let (authenticator, development) =
        identity::find(&settings.identity, loopback, clock.now()).await?;
    let listener = bind(settings.listen.listen, "--listen")?;
    let address = listener.local_addr()?;
    match settings.process.log.log_format {
        LogFormat::Text => {
            let issuer = &settings.identity.development;
            let token = development.map(|_| identity::token_command(issuer));
            greet(address, &process, token.as_deref());
        }
        // Standard output stays empty for programs that read JSON lines.
        LogFormat::Json => tracing::info!(
            service.version = VERSION,
            api.url = format!("http://{address}/v1/clinics"),
            store.place = process.open.place,
            metrics.url = process.metrics,
            "service started"
        ),
    }
    let limits =
        Limits { connections: connections(settings.limits.max_connections), ..Limits::default() };
    metrics::limits(limits.connections, settings.limits.max_concurrent_requests);
    let worker = if settings.worker.unwrap_or(embedded) {
        let tasks = [Task::Stream, Task::Deliveries];
        let keys = process.keyring.webhook_secrets.clone();
        let heartbeats = Heartbeats::default();
        Some(Worker::start(&process.open, keys, &tasks, &settings.process, &heartbeats)?)
    } else {
        None
    };
    let state = AppState::new(Parts {
        store: process.open.store.clone(),
        clock: Arc::new(clock),
        keyring: process.keyring.clone(),
        search,
        authenticator,
        audit_retention: settings.process.retention.audit_retention_days,
        limits: RequestLimits {
            concurrent: settings.limits.max_concurrent_requests,
            rates: RateSettings {
                per_address: settings.limits.rate_per_address,
                per_principal: settings.limits.rate_per_principal,
                per_organisation: settings.limits.rate_per_organisation,
                searches: settings.limits.rate_patient_searches,
                trusted_proxies: settings.limits.trusted_proxies,
            },
            ..RequestLimits::default()
        },
        headers: HeaderSettings {
            hsts_max_age: settings.limits.hsts_max_age,
            server_timing: settings.limits.server_timing,
            cors_origins: settings.cors_origins.clone().unwrap_or_default(),
        },
        webhook_targets: settings.process.webhook_allow.clone().unwrap_or_default(),
    });
    let served = serve(listener, state.clone(), limits, &settings, &mut process.signals).await;
    state.stop_recording().await;
    if let Some(worker) = worker {
        // Also after a forced shutdown, so that the next start does not wait for leases to expire.
        let limit = if served.is_ok() { settings.process.drain_timeout } else { LEAVE_TIMEOUT };
        worker.stop(limit).await;
    }
    process.stop().await;
    served
}

fn greet(address: SocketAddr, process: &Process, token: Option<&str>) {
    let mut text = format!(
        "clinic-api {VERSION}\n  API         http://{address}/v1/clinics\n  \
         Swagger UI  http://{address}/docs/\n  Data        {}\n",
        process.open.place
    );
    if let Some(metrics) = &process.metrics {
        let _ = writeln!(text, "  Metrics     {metrics}");
    }
    if let Some(token) = token {
        let _ = writeln!(text, "  Tokens      {token}");
    }
    // A closed standard output does not stop the service.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Returns the connection limit: the configured one, or a lower one if the system allows fewer open
/// files.
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
        "the limit of open files (ulimit -n) allows fewer connections than configured"
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
    // On a temporary thread: its end lets the allocator return the memory used to build the OpenAPI
    // document.
    let built = std::thread::spawn(move || service(state)).join();
    let service = built.map_err(|_| anyhow::anyhow!("the router can't be built"))?;
    let drain_timeout = settings.process.drain_timeout;
    let serving = server::run(listener, service, &lifecycle, limits, drain_timeout);
    let stopped_again = async {
        leave(&lifecycle, settings.shutdown_delay, signals).await;
        signals.any().await;
    };
    tokio::select! {
        unfinished = serving => {
            if unfinished > 0 {
                tracing::warn!(connections.unfinished = unfinished, "connections, deletions or access log writes did not finish in time");
            }
            Ok(())
        }
        () = stopped_again => anyhow::bail!("received another signal during shutdown: running requests were aborted"),
    }
}

/// Waits for a shutdown signal, then advances through the phases up to draining.
async fn leave(lifecycle: &Lifecycle, delay: Duration, signals: &mut Signals) {
    let delay = match signals.any().await {
        // Ctrl-C: no load balancer has to notice.
        ShutdownReason::Interrupt => Duration::ZERO,
        ShutdownReason::Terminate => delay,
    };
    tracing::info!(shutdown.delay = ?delay, "stopping: /readyz returns 503, requests are still accepted");
    lifecycle.advance(Phase::Leaving);
    metrics::ready(false);
    tokio::select! {
        () = tokio::time::sleep(delay) => {}
        _ = signals.any() => {}
    }
    tracing::info!("stopping: no new connections, waiting for running requests");
    lifecycle.advance(Phase::Draining);
}
