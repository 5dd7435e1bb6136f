//! Start and end of a long-running process, the service or a worker.

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
};

/// The limit of connections to the metrics: Prometheus, and a person or two.
const METRICS_CONNECTIONS: usize = 32;

/// A process that has started.
pub(super) struct Process {
    pub(super) signals: Signals,
    pub(super) open: OpenStore,
    pub(super) keyring: Keyring,
    /// The URL of the metrics, if they are measured.
    pub(super) metrics: Option<String>,
    traces: Traces,
}

impl Process {
    /// Starts what every process needs; `name` is the default of `service.name` in traces.
    pub(super) async fn start(name: &'static str, settings: &ProcessArgs) -> anyhow::Result<Self> {
        logging::start(&settings.log)?;
        let traces = Traces::start(name)?;
        // Before anything that takes time: a signal during the start stops the process as well.
        let signals = Signals::new()?;
        // The engine first: it keeps other processes off the files beside the data.
        let open = OpenStore::open(&settings.store).await?;
        let keyring = keyring::find(&settings.keys, &settings.store.store)?;
        let metrics = start_metrics(settings.metrics_listen, open.connections.clone())?;
        Ok(Self { signals, open, keyring, metrics, traces })
    }

    /// Closes the store and sends the last spans.
    pub(super) async fn stop(self) {
        self.open.close().await;
        self.traces.stop().await;
        tracing::info!("stopped");
    }
}

/// A listener on the address of a setting.
pub(super) fn bind(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    server::listen(address).with_context(|| format!("can't listen on {address} ({setting})"))
}

/// Serves metrics on an address of their own, so that a load balancer never shows them to callers.
fn start_metrics(
    address: Option<SocketAddr>,
    connections: Option<Connections>,
) -> anyhow::Result<Option<String>> {
    let Some(address) = address else { return Ok(None) };
    let listener = bind(address, "--metrics-listen")?;
    let url = format!("http://{}/metrics", listener.local_addr()?);
    let router = metrics::start(connections)?;
    // It serves to the end of the process, whatever the phase.
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
    /// A person at the terminal: SIGINT.
    Interrupt,
    /// A supervisor, such as an orchestrator: SIGTERM.
    Terminate,
}

impl Signals {
    /// Catches the signals from now on.
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
