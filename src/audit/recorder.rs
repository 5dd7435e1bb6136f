//! Remembers accesses beside the requests that make them: nobody waits for it, and it may fall behind, to a bound.

use std::{fmt, sync::Arc, time::Duration};

use jiff::Timestamp;
use moka::{Equivalent, future::Cache};
use opentelemetry::context::FutureExt as _;
use tokio::{sync::Semaphore, time::sleep};
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::{
    model::{Access, minute},
    repo,
};
use crate::{
    http::metrics,
    id::PatientId,
    store::{Store, WriteContext},
    telemetry,
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
    tasks: TaskTracker,
    waiting: Arc<Semaphore>,
    writing: Semaphore,
    known: Cache<Known, ()>,
}

/// An access that is written, by all that tells it from others.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Known {
    patient_id: PatientId,
    operation: String,
    subject: String,
    minute: Timestamp,
}

/// The same of one that is made, of which nothing is copied before it is known to be new.
#[derive(Debug, Hash)]
struct Wanted<'a> {
    patient_id: &'a PatientId,
    operation: &'a str,
    subject: &'a str,
    minute: Timestamp,
}

impl Equivalent<Known> for Wanted<'_> {
    fn equivalent(&self, known: &Known) -> bool {
        let Known { patient_id, operation, subject, minute } = known;
        (self.patient_id, self.operation, self.subject, self.minute)
            == (patient_id, operation.as_str(), subject.as_str(), *minute)
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("places", &self.0.waiting.available_permits()).finish()
    }
}

impl Recorder {
    /// One whose writes are among `tasks`, for which the process waits when it ends.
    #[must_use]
    pub fn new(store: Store, tasks: TaskTracker) -> Self {
        let known = Cache::builder().max_capacity(KNOWN).time_to_live(Duration::from_mins(2));
        Self(Arc::new(Shared {
            store,
            tasks,
            waiting: Arc::new(Semaphore::new(WAITING)),
            writing: Semaphore::new(WRITING),
            known: known.build(),
        }))
    }

    /// Has the access of a subject to a patient's data written soon, in a `context` that is made if it is not written already.
    /// It is lost if too many wait, or if the table can't be written to for half a minute; both are counted, and logged with
    /// their ids.
    pub fn record(
        &self,
        patient_id: &PatientId,
        operation: &str,
        subject: &str,
        at: Timestamp,
        context: impl FnOnce() -> WriteContext,
    ) {
        let wanted = Wanted { patient_id, operation, subject, minute: minute(at) };
        if self.0.known.contains_key(&wanted) {
            return;
        }
        let (patient_id, operation) = (patient_id.clone(), operation.to_owned());
        let access = Access { patient_id, operation, subject: subject.to_owned(), at };
        let Ok(place) = self.0.waiting.clone().try_acquire_owned() else {
            lost(&access, "too many wait to be written");
            return;
        };
        let (shared, context) = (self.0.clone(), context());
        let write = async move {
            let _place = place;
            if shared.write(&context, &access).await {
                let minute = access.minute();
                let Access { patient_id, operation, subject, .. } = access;
                shared.known.insert(Known { patient_id, operation, subject, minute }, ()).await;
            }
        };
        self.0.tasks.spawn(write.in_current_span().with_context(telemetry::beside()));
    }
}

impl Shared {
    async fn write(&self, context: &WriteContext, access: &Access) -> bool {
        for tried in 1..=TRIES {
            let outcome = match self.writing.acquire().await {
                Ok(_turn) => repo::add(&self.store, context, access.clone()).await,
                Err(_) => return false,
            };
            match outcome {
                Ok(()) => return true,
                Err(error) if error.is_transient() => {
                    sleep(Duration::from_secs(tried.into())).await;
                }
                Err(other) => {
                    lost(access, &other.to_string());
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
