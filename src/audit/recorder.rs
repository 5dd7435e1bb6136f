//! Remembers accesses beside the requests that make them: nobody waits for it, and it may fall behind, to a bound.

use std::{sync::Arc, time::Duration};

use moka::future::Cache;
use opentelemetry::context::FutureExt as _;
use tokio::{sync::Semaphore, time::sleep};
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::model::Access;
use crate::{
    http::metrics,
    store::{Store, WriteContext, errors::chain},
    telemetry,
    time::Retention,
};

/// How many accesses may wait to be written; one more is lost.
const WAITING: usize = 10_000;
/// How many are written at once.
const WRITING: usize = 8;
/// How often one is tried, with a pause of as many seconds as it was tried before.
const TRIES: u32 = 8;
/// How many accesses are known to be written, so that they are not written again within their minute.
const KNOWN: u64 = 100_000;

/// Remembers accesses. Clones share what waits.
#[derive(Clone)]
pub struct Recorder(Arc<Shared>);

struct Shared {
    store: Store,
    retention: Retention,
    tasks: TaskTracker,
    waiting: Arc<Semaphore>,
    writing: Semaphore,
    /// Each at its [`Access::minute`], which takes less to make than its key.
    known: Cache<Access, ()>,
}

impl Recorder {
    /// One that keeps accesses for so long. Its writes are among `tasks`, for which the process waits when it ends.
    pub(crate) fn new(store: Store, retention: Retention, tasks: TaskTracker) -> Self {
        let known = Cache::builder().max_capacity(KNOWN).time_to_live(Duration::from_mins(2));
        Self(Arc::new(Shared {
            store,
            retention,
            tasks,
            waiting: Arc::new(Semaphore::new(WAITING)),
            writing: Semaphore::new(WRITING),
            known: known.build(),
        }))
    }

    /// Has an access written soon. It is lost if too many wait, or if eight tries fail; both are counted, and logged with
    /// their ids. Of one that is written already, no `context` is made.
    pub fn record(&self, context: impl FnOnce() -> WriteContext, access: Access) {
        let known = Access { at: access.minute(), ..access.clone() };
        if self.0.known.contains_key(&known) {
            return;
        }
        let Ok(place) = self.0.waiting.clone().try_acquire_owned() else {
            lost(&access, "too many wait to be written");
            return;
        };
        let (shared, context) = (self.0.clone(), context());
        let write = async move {
            let _place = place;
            if shared.write(&context, &access).await {
                shared.known.insert(known, ()).await;
            }
        };
        self.0.tasks.spawn(write.in_current_span().with_context(telemetry::beside()));
    }
}

impl Shared {
    async fn write(&self, context: &WriteContext, access: &Access) -> bool {
        let expires_at = self.retention.expiry(access.at);
        for tried in 1..=TRIES {
            let outcome = match self.writing.acquire().await {
                Ok(_turn) => self.store.add_expiring(context, access.clone(), expires_at).await,
                Err(_) => return false,
            };
            match outcome {
                Ok(()) => return true,
                Err(error) if error.is_transient() => {
                    sleep(Duration::from_secs(tried.into())).await;
                }
                Err(other) => {
                    lost(access, &chain(&other));
                    return false;
                }
            }
        }
        lost(access, "the table could not be written to");
        false
    }
}

fn lost(access: &Access, cause: &str) {
    metrics::audit_lost();
    let Access { patient_id, operation, subject, at } = access;
    tracing::error!(patient.id = %patient_id, operation.id = operation, user.id = subject, access.time = %at, error.message = cause, "an access could not be remembered");
}
