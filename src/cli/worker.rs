//! `clinic-api worker`: runs the worker's tasks from startup to shutdown.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{OpenStore, dead_letters, process::Process, recover_accesses, reseal_secrets};
use crate::{
    config::{Engine, ProcessArgs, Task, WorkerAction, WorkerArgs, WorkerCommand},
    id::random_token,
    keyring::SealingKeys,
    time::{Clock, SystemClock},
    version::VERSION,
    worker::{
        consumer::Consumer,
        dispatcher::{Dispatcher, Pace},
        heartbeats::{DELIVERIES, Heartbeats, STREAM},
        lease::Leases,
        metrics,
        sender::{Sender, TIMEOUT},
    },
};

/// Runs the worker or one of its actions. Returns `false` if an action did not succeed for all
/// items.
pub async fn run(command: WorkerCommand) -> anyhow::Result<bool> {
    match command.action {
        None => work(command.work).await.map(|()| true),
        Some(WorkerAction::DeadLetters { action }) => dead_letters::run(action).await,
        Some(WorkerAction::ResealSecrets(settings)) => reseal_secrets::run(&settings).await,
        Some(WorkerAction::RecoverAccesses(settings)) => recover_accesses::run(&settings).await,
    }
}

async fn work(WorkerArgs { process: settings, tasks }: WorkerArgs) -> anyhow::Result<()> {
    anyhow::ensure!(
        settings.store.store == Engine::DynamoDb,
        "the worker requires --store dynamodb: with an embedded engine, `clinic-api serve` runs the worker's tasks"
    );
    let mut process = Process::start("clinic-api-worker", &settings).await?;
    let open = &process.open;
    open.ensure_format().await?;
    let keys = process.keyring.webhook_secrets.clone();
    let worker = Worker::start(open, keys, &tasks, &settings, &process.heartbeats)?;
    tracing::info!(service.version = VERSION, store.place = open.place, metrics.url = process.metrics, worker.tasks = ?tasks, "worker started");
    process.signals.any().await;
    tracing::info!("stopping: waiting for running tasks");
    tokio::select! {
        finished = worker.stop(settings.drain_timeout) => {
            if !finished {
                tracing::warn!("some tasks did not finish in time; they will be repeated");
            }
        }
        _ = process.signals.any() => anyhow::bail!("received another signal during shutdown: running tasks were aborted"),
    }
    process.stop().await;
    Ok(())
}

/// The running worker tasks of this process.
pub struct Worker {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Worker {
    /// Starts the tasks.
    pub fn start(
        open: &OpenStore,
        keys: SealingKeys,
        tasks: &[Task],
        settings: &ProcessArgs,
        heartbeats: &Heartbeats,
    ) -> anyhow::Result<Self> {
        metrics::describe();
        let store = &open.store;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let audit_retention = settings.retention.audit_retention_days;
        let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
        if tasks.contains(&Task::Stream) {
            let leases = Leases {
                store: store.clone(),
                clock: clock.clone(),
                owner: random_token(),
                length: settings.worker_lease,
            };
            heartbeats.beat(STREAM, clock.now());
            let (streams, heartbeats) = (open.streams.clone(), heartbeats.clone());
            let consumer = Consumer { streams, leases, audit_retention, heartbeats };
            let stop = stop.clone();
            tracker.spawn(async move { consumer.run(stop).await });
        }
        if tasks.contains(&Task::Deliveries) {
            let allowed = settings.webhook_allow.clone().unwrap_or_default();
            let sender =
                Sender::new(allowed, TIMEOUT).context("the webhook client can't be created")?;
            let pace = Pace { poll: settings.worker_poll, lease: settings.worker_lease };
            heartbeats.beat(DELIVERIES, clock.now());
            let (store, heartbeats) = (store.clone(), heartbeats.clone());
            let dispatcher =
                Dispatcher::new(store, keys, sender, clock, pace, audit_retention, heartbeats);
            let stop = stop.clone();
            tracker.spawn(async move { dispatcher.run(stop).await });
        }
        tracker.close();
        Ok(Self { stop, tasks: tracker })
    }

    /// Stops the tasks and waits for them. Returns whether all finished within the limit.
    pub async fn stop(self, limit: Duration) -> bool {
        self.stop.cancel();
        timeout(limit, self.tasks.wait()).await.is_ok()
    }
}
