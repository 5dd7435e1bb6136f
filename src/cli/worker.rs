//! `clinic-api worker`: what works beside the service, from start to end.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    OpenStore, cursor_keys, dead_letters, logging, reseal_secrets, serve::start_metrics,
    signals::Signals, traces::Traces,
};
use crate::{
    config::{Engine, PaceArgs, Task, WebhookArgs, WorkerAction, WorkerArgs, WorkerCommand},
    http::{cursor::CursorKeys, version::VERSION},
    id::random_token,
    time::{Clock, SystemClock},
    worker::{
        consumer::Consumer,
        dispatcher::Dispatcher,
        lease::Leases,
        metrics,
        sender::{Sender, TIMEOUT},
    },
};

/// Does what is asked; `false` is a plain no.
///
/// # Errors
/// What keeps it from being done, for people.
pub async fn run(command: WorkerCommand) -> anyhow::Result<bool> {
    match command.action {
        None => work(command.work).await.map(|()| true),
        Some(WorkerAction::DeadLetters { action }) => dead_letters::run(action).await,
        Some(WorkerAction::ResealSecrets(settings)) => reseal_secrets::run(&settings).await,
    }
}

async fn work(settings: WorkerArgs) -> anyhow::Result<()> {
    logging::start(&settings.log)?;
    let traces = Traces::start("clinic-api-worker")?;
    let mut signals = Signals::new()?;
    anyhow::ensure!(
        settings.store.store == Engine::DynamoDb,
        "an embedded engine is in the process that serves: `clinic-api serve` works for itself there"
    );
    let open = OpenStore::open(&settings.store).await?;
    let keys = cursor_keys::find(settings.cursor_keys.as_ref(), &settings.store.store)?;
    let metrics = start_metrics(settings.metrics_listen, open.connections.clone())?;
    let metrics = metrics.map(|address| format!("http://{address}/metrics"));
    let worker = Worker::start(&open, keys, &settings.tasks, &settings.webhooks, &settings.pace)?;
    tracing::info!(service.version = VERSION, store.place = open.place, metrics.url = metrics, worker.tasks = ?settings.tasks, "working");
    signals.any().await;
    tracing::info!("stopping: what is under way ends");
    tokio::select! {
        ended = worker.stop(settings.drain_timeout) => {
            if !ended {
                tracing::warn!("what was under way did not end in time; it will be done again");
            }
        }
        _ = signals.any() => anyhow::bail!("told to stop again: what was under way was cut off"),
    }
    open.close().await;
    traces.stop().await;
    tracing::info!("stopped");
    Ok(())
}

/// What works, in this process.
pub struct Worker {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Worker {
    /// Starts to work.
    ///
    /// # Errors
    /// If events can't be sent from here.
    pub fn start(
        open: &OpenStore,
        keys: CursorKeys,
        tasks: &[Task],
        webhooks: &WebhookArgs,
        pace: &PaceArgs,
    ) -> anyhow::Result<Self> {
        metrics::describe();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
        if tasks.contains(&Task::Stream) {
            let leases = Leases::new(
                open.store.clone(),
                clock.clone(),
                "stream".to_owned(),
                random_token(),
                pace.worker_lease,
            );
            let streams = open.streams.clone();
            let consumer = Consumer::new(open.store.clone(), streams, leases, clock.clone());
            let stop = stop.clone();
            tracker.spawn(async move { consumer.run(stop).await });
        }
        if tasks.contains(&Task::Deliveries) {
            let allowed = webhooks.webhook_allow.clone().unwrap_or_default();
            let sender = Sender::new(allowed, TIMEOUT).context("events can't be sent")?;
            let dispatcher =
                Dispatcher::new(open.store.clone(), keys, sender, clock, pace.worker_poll);
            let stop = stop.clone();
            tracker.spawn(async move { dispatcher.run(stop).await });
        }
        tracker.close();
        Ok(Self { stop, tasks: tracker })
    }

    /// Stops, and waits for what is under way; whether it ended in time.
    pub async fn stop(self, patience: Duration) -> bool {
        self.stop.cancel();
        timeout(patience, self.tasks.wait()).await.is_ok()
    }
}
