//! Startup and shutdown of a long-running process: the service or a worker.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context as _;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};

use super::{OpenStore, keyring, logging, traces::Traces};
use crate::{
    config::ProcessArgs,
    http::{lifecycle::Lifecycle, metrics},
    keyring::Keyring,
    server::{self, Limits},
    store::connections::Connections,
    worker::heartbeats::Heartbeats,
};

/// The maximum number of connections to the metrics port. A scraper needs one or two.
const METRICS_CONNECTIONS: usize = 32;

/// A started process.
pub(super) struct Process {
    pub(super) signals: Signals,
    pub(super) open: OpenStore,
    pub(super) keyring: Keyring,
    /// The heartbeats of the worker's tasks, on which `/livez` of the metrics port depends.
    pub(super) heartbeats: Heartbeats,
    /// The URL of the metrics, if they are enabled.
    pub(super) metrics: Option<String>,
    traces: Traces,
}

impl Process {
    /// Starts what every process needs. `name` is the default of `service.name` in traces.
    pub(super) async fn start(name: &'static str, settings: &ProcessArgs) -> anyhow::Result<Self> {
        logging::start(&settings.log)?;
        let traces = Traces::start(name)?;
        // First, so that a signal during a slow start also stops the process.
        let signals = Signals::new()?;
        // Before the keyring: the engine's lock keeps other processes away from the files next to
        // the data.
        let open = OpenStore::open(&settings.store).await?;
        let keyring = keyring::find(&settings.keys, &settings.store.store)?;
        let heartbeats = Heartbeats::default();
        let is_live = {
            let heartbeats = heartbeats.clone();
            move || heartbeats.are_recent()
        };
        let metrics = start_metrics(settings.metrics_listen, open.connections.clone(), is_live)?;
        if let Some(path) = &settings.keys.secret_keys_file {
            tokio::spawn(keyring::follow(keyring.clone(), path.clone()));
        }
        Ok(Self { signals, open, keyring, heartbeats, metrics, traces })
    }

    /// Closes the store and sends the last spans.
    pub(super) async fn stop(self) {
        self.open.close().await;
        self.traces.stop().await;
        tracing::info!("stopped");
    }
}

/// Listens on an address. `setting` names the flag in errors.
pub(super) fn bind(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    server::listen(address).with_context(|| format!("can't listen on {address} ({setting})"))
}

/// Serves metrics on a separate port, so that a load balancer never exposes them.
fn start_metrics(
    address: Option<SocketAddr>,
    connections: Option<Connections>,
    is_live: impl Fn() -> bool + Clone + Send + Sync + 'static,
) -> anyhow::Result<Option<String>> {
    let Some(address) = address else { return Ok(None) };
    let listener = bind(address, "--metrics-listen")?;
    let url = format!("http://{}/metrics", listener.local_addr()?);
    let router = metrics::start(connections, is_live)?;
    // The metrics port stays open until the process exits, also during shutdown.
    let limits = Limits { connections: METRICS_CONNECTIONS, measured: false, ..Limits::default() };
    tokio::spawn(async move {
        server::run(listener, router, &Lifecycle::default(), limits, Duration::ZERO).await
    });
    Ok(Some(url))
}

pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ShutdownReason {
    /// SIGINT, from a person at the terminal.
    Interrupt,
    /// SIGTERM, from a supervisor such as an orchestrator.
    Terminate,
}

impl Signals {
    /// Starts to catch the signals.
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    pub(super) async fn any(&mut self) -> ShutdownReason {
        tokio::select! {
            _ = self.interrupt.recv() => ShutdownReason::Interrupt,
            _ = self.terminate.recv() => ShutdownReason::Terminate,
        }
    }
}
