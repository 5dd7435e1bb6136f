//! Records which patients' data requests return. A request waits until the bounded queue has space,
//! but not until its entry is written. Queued entries are written for as long as the process lives.

use std::{
    collections::{BTreeSet, VecDeque},
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::FutureExt as _;
use jiff::Timestamp;
use opentelemetry::{Context, context::FutureExt as _};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument as _, Span};

use super::{
    known::Known,
    model::{AccessRequest, Caller},
    repo,
};
use crate::{
    error::{ApiError, ApiResult, ErrorCode},
    http::{ReadContext, WriteContext, metrics},
    id::{OrgId, PatientId},
    store::{Store, StoreError, errors::chain, metrics::Counted},
    telemetry,
};

/// The maximum number of concurrent writes.
const WRITERS: usize = 8;
/// The maximum time that a request waits for space.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(1);
/// The queue space of a request in addition to that of its patients. The unit is one patient.
const OVERHEAD: usize = 10;
/// The maximum number of patients per item, which is as many as the largest page shows. Such an
/// item has about 30 KB.
const MAX_PATIENTS: usize = 1_000;
/// The pause after the first failed write. It doubles with each further failure.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A request that returns patient data.
#[derive(Debug, Clone, Copy)]
pub struct Access<'a> {
    org: &'a OrgId,
    subject: &'a str,
    operation: &'static str,
    request_id: &'a str,
    at: Timestamp,
    searched: &'a [&'static str],
}

impl<'a> Access<'a> {
    /// Returns the access of a search by these fields.
    #[must_use]
    pub fn by_search(self, searched: &'a [&'static str]) -> Self {
        Self { searched, ..self }
    }
}

impl<'a> From<&'a ReadContext> for Access<'a> {
    fn from(ReadContext { grant, request_id, .. }: &'a ReadContext) -> Self {
        let (principal, operation, at) = (grant.principal(), grant.operation(), grant.now());
        let (org, subject) = (&principal.org, &principal.subject);
        Self { org, subject, operation, request_id, at, searched: &[] }
    }
}

impl<'a> From<&'a WriteContext> for Access<'a> {
    fn from(context: &'a WriteContext) -> Self {
        let WriteContext { org, subject, operation, request_id, now, .. } = context;
        Self { org, subject, operation, request_id, at: *now, searched: &[] }
    }
}

/// Records which patients' data requests return. Clones share the queue.
#[derive(Clone)]
pub struct Recorder(Arc<Shared>);

struct Shared {
    store: Store,
    tasks: TaskTracker,
    known: Known,
    capacity: usize,
    space: Arc<Semaphore>,
    queue: Mutex<Queue>,
    stop: CancellationToken,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    writers: usize,
}

/// A queued entry. If it is dropped unwritten, it is counted and logged as lost.
struct Waiting {
    org: OrgId,
    request: AccessRequest,
    span: Span,
    trace: Context,
    failure: Option<String>,
    _space: OwnedSemaphorePermit,
    _counted: Counted,
}

impl Recorder {
    /// Creates a recorder whose queue has a `capacity` in patients. `tasks` tracks its writers: the
    /// process waits for them at shutdown.
    pub(crate) fn new(store: Store, tasks: TaskTracker, capacity: usize) -> Self {
        Self(Arc::new(Shared {
            store,
            tasks,
            known: Known::default(),
            capacity,
            space: Arc::new(Semaphore::new(capacity)),
            queue: Mutex::default(),
            stop: CancellationToken::new(),
        }))
    }

    /// Records that the request returns data of these patients, unless that is known to be stored.
    /// It waits only for space in the queue. If there is none in time, it returns an error and the
    /// data must not be returned.
    pub fn record<'a>(
        &self,
        access: Access<'_>,
        patients: impl IntoIterator<Item = &'a PatientId>,
    ) -> impl Future<Output = ApiResult<()>> + Send {
        let Access { org, subject, operation, request_id, at, searched } = access;
        let caller = Caller::new(subject, operation, at);
        let patients: BTreeSet<_> = patients.into_iter().collect();
        let unknown = self.0.known.unknown(caller, patients);
        let requests = unknown.chunks(MAX_PATIENTS).zip(1..).map(|(patients, part)| {
            let request = match part {
                1 => request_id.to_owned(),
                more => format!("{request_id}-{more}"),
            };
            let (subject, operation) = (subject.to_owned(), operation.to_owned());
            let searched = searched.iter().map(|field| (*field).to_owned()).collect();
            let patient_ids = patients.to_vec();
            AccessRequest { request, subject, operation, patient_ids, at, searched }
        });
        let requests: Vec<_> = requests.collect();
        let org = org.clone();
        async move {
            for request in requests {
                self.0.wait_for_space(org.clone(), request).await?;
            }
            Ok(())
        }
    }

    /// Stops the writers. Unwritten entries are counted and logged as lost.
    pub(crate) async fn give_up(&self) {
        self.0.stop.cancel();
        let _ = timeout(QUEUE_TIMEOUT, self.0.tasks.wait()).await;
    }
}

impl Shared {
    async fn wait_for_space(self: &Arc<Self>, org: OrgId, request: AccessRequest) -> ApiResult<()> {
        let needed = (request.patient_ids.len() + OVERHEAD).min(self.capacity);
        let space = self.space.clone().acquire_many_owned(needed.try_into().unwrap_or(u32::MAX));
        let Ok(Ok(space)) = timeout(QUEUE_TIMEOUT, space).await else {
            let detail = "The queue of access log entries is full, so patient data cannot be returned. Retry after the time in Retry-After.";
            return Err(ApiError::new(ErrorCode::AccessLogFull, detail).retry_later());
        };
        self.push(Waiting {
            org,
            request,
            span: Span::current(),
            trace: telemetry::beside(),
            failure: None,
            _space: space,
            _counted: metrics::access_waits(),
        });
        Ok(())
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(self: &Arc<Self>, waiting: Waiting) {
        let mut queue = self.queue();
        queue.waiting.push_back(waiting);
        if queue.writers < WRITERS {
            queue.writers += 1;
            drop(queue);
            self.tasks.spawn(self.clone().write_all());
        }
    }

    /// Returns the next entry to write. If there is none, the calling writer ends.
    fn next(&self) -> Option<Waiting> {
        let mut queue = self.queue();
        let next = queue.waiting.pop_front();
        queue.writers -= usize::from(next.is_none());
        next
    }

    async fn write_all(self: Arc<Self>) {
        while let Some(mut waiting) = self.next() {
            let (span, trace) = (waiting.span.clone(), waiting.trace.clone());
            let write = self.write(&mut waiting).instrument(span).with_context(trace);
            tokio::select! {
                biased;
                () = self.stop.cancelled() => {}
                // After a panic, the writer continues with the next entry.
                _ = AssertUnwindSafe(write).catch_unwind() => {}
            }
        }
    }

    /// Retries until the entry is written. Even a permanent-looking refusal can end: a missing
    /// permission can be granted.
    async fn write(&self, waiting: &mut Waiting) {
        let mut pause = FIRST_PAUSE;
        loop {
            // Other requests may have written the same accesses meanwhile.
            let Waiting { org, request, .. } = waiting;
            let unknown = self.known.unknown(request.caller(), &request.patient_ids);
            if unknown.is_empty() {
                break;
            }
            request.patient_ids = unknown;
            let Err(error) = repo::add_request(&self.store, org, request).await else {
                self.known.add(request.caller(), &request.patient_ids);
                break;
            };
            let failure = chain(&error);
            tracing::warn!(
                error.message = failure,
                accesses.waiting = self.queue().waiting.len(),
                "access log entries are waiting to be written"
            );
            waiting.failure = Some(failure);
            if never_written(&error) {
                return;
            }
            sleep(pause.mul_f64(rand::random_range(0.75..1.25))).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        // All accesses are written: nothing counts as lost.
        waiting.request.patient_ids.clear();
    }
}

/// Returns whether the item itself is invalid, so that a retry can't help.
fn never_written(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Corrupt { .. } | StoreError::TooLarge { .. } | StoreError::ItemSizeExceeded
    )
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let AccessRequest { patient_ids, operation, subject, at, .. } = &self.request;
        let cause = self.failure.as_deref().unwrap_or("the process stopped before it was written");
        for patient_id in patient_ids {
            metrics::access_lost();
            tracing::error!(patient.id = %patient_id, operation.id = operation, user.id = subject, access.time = %at, error.message = cause, "an access could not be recorded");
        }
    }
}
