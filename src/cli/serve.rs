//! `clinic-api serve`: the service from start to end.

use std::{fmt::Write as _, io::Write as _, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::net::TcpListener;

use super::{
    OpenStore, cursor_keys, identity, logging,
    signals::{Signals, Told},
    traces::Traces,
    worker::Worker,
};
use crate::{
    app::{AppState, Parts, RequestLimits, service},
    config::{Engine, LimitArgs, LogFormat, ServeArgs, StopArgs, Task},
    http::{
        auth::Role,
        headers::HeaderSettings,
        lifecycle::{Lifecycle, Phase},
        metrics,
        rate::RateSettings,
        version::VERSION,
    },
    server::{self, Limits},
    store::connections::Connections,
    time::{Clock as _, SystemClock},
};

/// Descriptors that are kept for other things than callers and what they need: metrics, files, logs.
const OTHER_DESCRIPTORS: u64 = 256;

/// Of a connection: its own, and one of the database for a request on it.
const DESCRIPTORS: u64 = 2;

/// Prometheus, and a person or two.
const METRICS_CONNECTIONS: usize = 32;

/// Runs the service until it is told to stop.
///
/// # Errors
/// What keeps it from starting, for people; or that it was made to stop at once.
pub async fn run(settings: ServeArgs) -> anyhow::Result<()> {
    logging::start(&settings.log)?;
    let traces = Traces::start("clinic-api")?;
    // Before anything else: who is told to stop while it starts stops as well.
    let signals = Signals::new()?;
    // The engine first: it keeps other processes off the files beside the data.
    let open = OpenStore::open(&settings.store).await?;
    let cursor_keys = cursor_keys::find(settings.cursor_keys.as_ref(), &settings.store.store)?;
    if settings.store.store != Engine::DynamoDb {
        open.ensure_table().await?;
    }
    let clock = SystemClock;
    let loopback = settings.listen.listen.ip().is_loopback();
    let (authenticator, development) =
        identity::find(&settings.identity, loopback, clock.now()).await?;
    let listener = bind(settings.listen.listen, "--listen")?;
    let address = listener.local_addr()?;
    let metrics = start_metrics(settings.metrics_listen, open.connections.clone())?;
    match settings.log.log_format {
        LogFormat::Text => {
            let tokens = development.map(|issuer| {
                identity::tokens_of_roles(&issuer, &settings.identity.development, clock.now())
            });
            greet(address, &open.place, metrics, tokens.transpose()?.unwrap_or_default());
        }
        // Among lines that programs read, there are no others.
        LogFormat::Json => {
            let metrics = metrics.map(|metrics| format!("http://{metrics}/metrics"));
            let api = format!("http://{address}/v1/clinics");
            tracing::info!(
                service.version = VERSION,
                api.url = api,
                store.place = open.place,
                metrics.url = metrics,
                "serving"
            );
        }
    }
    let limits =
        Limits { connections: connections(settings.limits.max_connections), ..Limits::default() };
    metrics::connections_limit(limits.connections);
    metrics::requests_limit(settings.limits.max_concurrent_requests);
    let worker = if settings.worker.unwrap_or(settings.store.store != Engine::DynamoDb) {
        let tasks = [Task::Stream, Task::Deliveries];
        let keys = cursor_keys.clone();
        Some(Worker::start(&open, keys, &tasks, &settings.webhooks, &settings.pace)?)
    } else {
        None
    };
    let state = AppState::new(Parts {
        store: open.store.clone(),
        clock: Arc::new(clock),
        cursor_keys,
        authenticator,
        limits: request_limits(&settings.limits),
        headers: HeaderSettings {
            hsts_max_age: settings.limits.hsts_max_age,
            server_timing: settings.limits.server_timing,
        },
        webhook_targets: settings.webhooks.webhook_allow.clone().unwrap_or_default(),
    });
    serve(listener, state, limits, settings.stop, signals).await?;
    if let Some(worker) = worker {
        worker.stop(settings.stop.drain_timeout).await;
    }
    open.close().await;
    traces.stop().await;
    tracing::info!("stopped");
    Ok(())
}

fn request_limits(settings: &LimitArgs) -> RequestLimits {
    RequestLimits {
        concurrent: settings.max_concurrent_requests,
        deadline: RequestLimits::default().deadline,
        rates: RateSettings {
            per_address: settings.rate_per_address,
            per_principal: settings.rate_per_principal,
            per_organisation: settings.rate_per_organisation,
            trusted_proxies: settings.trusted_proxies,
        },
    }
}

fn bind(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    server::listen(address).with_context(|| format!("can't listen on {address} ({setting})"))
}

/// Metrics have an address of their own: what stands before the service never shows them to its callers.
pub(super) fn start_metrics(
    address: Option<SocketAddr>,
    connections: Option<Connections>,
) -> anyhow::Result<Option<SocketAddr>> {
    let Some(address) = address else { return Ok(None) };
    let listener = bind(address, "--metrics-listen")?;
    let bound = listener.local_addr()?;
    let router = metrics::start(connections)?;
    // It serves to the end of the process, whatever the phase.
    let limits = Limits { connections: METRICS_CONNECTIONS, measured: false, ..Limits::default() };
    tokio::spawn(async move {
        server::run(listener, router, &Lifecycle::new(), limits, Duration::ZERO).await
    });
    Ok(Some(bound))
}

fn greet(
    address: SocketAddr,
    place: &str,
    metrics: Option<SocketAddr>,
    tokens: Vec<(Role, String)>,
) {
    let mut text = format!(
        "clinic-api {VERSION}\n  API         http://{address}/v1/clinics\n  \
         Swagger UI  http://{address}/docs/\n  Data        {place}\n"
    );
    if let Some(metrics) = metrics {
        let _ = writeln!(text, "  Metrics     http://{metrics}/metrics");
    }
    if !tokens.is_empty() {
        text.push_str(
            "  Tokens      for development, valid for 12 hours; `clinic-api token` makes others\n",
        );
    }
    for (role, token) in tokens {
        let _ = writeln!(text, "    {:<12}{token}", role.as_str());
    }
    // Whoever has closed the other end does not want to know.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// How many connections there may be: as many as are asked for, or as the system lets a process have.
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
    stop: StopArgs,
    mut signals: Signals,
) -> anyhow::Result<()> {
    let lifecycle = state.lifecycle().clone();
    let draining = lifecycle.clone();
    // On a thread that ends: the allocator gives back what the document of the API took while it was made.
    let made = std::thread::spawn(move || service(state)).join();
    let service = made.map_err(|_| anyhow::anyhow!("the routes can't be put together"))?;
    let serving = server::run(listener, service, &draining, limits, stop.drain_timeout);
    let told_again = async {
        leave(&lifecycle, stop.shutdown_delay, &mut signals).await;
        signals.any().await;
    };
    tokio::select! {
        unfinished = serving => {
            if unfinished > 0 {
                tracing::warn!(connections.unfinished = unfinished, "connections or deletions did not finish in time");
            }
            Ok(())
        }
        () = told_again => anyhow::bail!("told to stop again: running requests were cut off"),
    }
}

/// Waits to be told to stop, and goes through the phases up to draining.
async fn leave(lifecycle: &Lifecycle, delay: Duration, signals: &mut Signals) {
    let delay = match signals.any().await {
        // A person waits, and no load balancer.
        Told::Interrupt => Duration::ZERO,
        Told::Terminate => delay,
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
