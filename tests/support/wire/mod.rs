//! The wire between the SDK and the engine. It counts calls and injects the faults that only AWS produces.

mod connector;
mod in_flight;
mod messages;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use connector::WireClient;
use futures_util::{FutureExt as _, future::BoxFuture};
use in_flight::InFlight;
use serde_json::Value;
use tokio::sync::{Barrier, oneshot, watch};

use super::wait::DEADLINE;

/// Resolves when a held call has arrived.
pub type Arrival = BoxFuture<'static, Result<(), oneshot::error::RecvError>>;

/// A fault that local engines do not produce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No fault: the call passes.
    None,
    /// The request does not arrive.
    Unreachable,
    /// The request is processed, and the connection breaks before the response arrives.
    LostReply,
    /// Like `LostReply`, and the engine does not recognise the client request token of the retry.
    LostReplyAndToken,
    /// Throttling.
    Throttled,
    /// Another transaction has one of the items in progress.
    Conflict,
    /// Throttling inside a transaction.
    ThrottledInside,
    /// Another transaction has one item in progress, and the condition of another item fails.
    ConflictAndCondition,
    /// A transaction is cancelled with these reasons, each at its position; a single write is refused with the first.
    Cancelled([(usize, &'static str); 2]),
    /// An item is too large.
    ItemTooLarge,
    /// Throttling with this reason.
    ThrottledFor(&'static str),
    /// An error of DynamoDB itself.
    ServerError,
    /// An intermediary responds in place of DynamoDB.
    BadGateway,
    /// A BatchGetItem or BatchWriteItem leaves all but its first key or item unprocessed.
    Unprocessed,
    /// An eventually consistent read returns nothing of what was written.
    Stale,
    /// A cancelled transaction does not return the items whose conditions failed.
    NoItems,
    /// A refusal of an unknown kind.
    Unforeseen,
}

/// A call of the service.
#[derive(Debug, Clone, PartialEq)]
pub struct WireCall {
    /// The operation, for example `GetItem`.
    pub operation: String,
    /// The consumed capacity units.
    pub capacity: f64,
    /// The request body.
    pub request: Value,
    /// Whether the engine refused it, for example because of a condition.
    pub refused: bool,
    /// The positions of its start and end in the sequence of all such moments.
    pub span: (u64, u64),
}

/// The number of sequential rounds: the longest chain of calls in which each one started after the previous one was answered.
pub fn rounds(calls: &[WireCall]) -> usize {
    let mut spans: Vec<_> = calls.iter().map(|call| call.span).collect();
    spans.sort_by_key(|(_, answered)| *answered);
    let mut rounds = 0;
    let mut last = None;
    for (sent, answered) in spans {
        if last.is_none_or(|last| last < sent) {
            rounds += 1;
            last = Some(answered);
        }
    }
    rounds
}

/// The wire between the SDK and the engine.
#[derive(Debug, Default)]
pub struct Wire {
    calls: Mutex<Vec<WireCall>>,
    faults: Mutex<VecDeque<(&'static str, Fault)>>,
    pause: Mutex<Option<Pause>>,
    /// The writes of access requests.
    accesses: Mutex<Vec<WireCall>>,
    /// How many of these writes are still to be lost.
    losing: AtomicUsize,
    /// Whether these writes wait.
    holding: watch::Sender<bool>,
    /// The additional delay of each of these writes, in milliseconds.
    slowness: AtomicU64,
    ignoring: AtomicBool,
    lagging: AtomicBool,
    throttled: Mutex<HashSet<String>>,
    frozen: Mutex<Option<HashMap<String, Arc<OnceLock<Value>>>>>,
    moments: AtomicU64,
    /// In milliseconds.
    latency: AtomicU64,
    groups: Mutex<VecDeque<(usize, Arc<Barrier>)>>,
    in_flight: InFlight,
    conflicts: AtomicUsize,
}

#[derive(Debug)]
struct Pause {
    operation: &'static str,
    /// The number of calls that pass before the one that is held.
    passing: usize,
    arrived: oneshot::Sender<()>,
    go_on: oneshot::Receiver<()>,
}

impl Wire {
    /// Injects a fault into the next call of an operation that has no fault pending.
    pub fn disturb(&self, operation: &'static str, fault: Fault) {
        self.faults.lock().unwrap().push_back((operation, fault));
    }

    /// Injects a fault into this number of calls of an operation.
    pub fn disturb_times(&self, times: usize, operation: &'static str, fault: Fault) {
        (0..times).for_each(|_| self.disturb(operation, fault));
    }

    /// Injects a fault into the call of an operation after this number of calls.
    pub fn disturb_later(&self, undisturbed: usize, operation: &'static str, fault: Fault) {
        self.disturb_times(undisturbed, operation, Fault::None);
        self.disturb(operation, fault);
    }

    /// Holds the next call of an operation. The first value resolves when the call has arrived and panics if none arrives;
    /// sending on the second one releases the call.
    pub fn pause_before(&self, operation: &'static str) -> (Arrival, oneshot::Sender<()>) {
        self.pause_after(0, operation)
    }

    /// The same after this number of calls of the operation.
    pub fn pause_after(
        &self,
        passing: usize,
        operation: &'static str,
    ) -> (Arrival, oneshot::Sender<()>) {
        let (arrived, has_arrived) = oneshot::channel();
        let (let_go, go_on) = oneshot::channel();
        *self.pause.lock().unwrap() = Some(Pause { operation, passing, arrived, go_on });
        let arrival = async move {
            let arrival = tokio::time::timeout(DEADLINE, has_arrived).await;
            arrival.unwrap_or_else(|_| panic!("no {operation} came"))
        };
        (arrival.boxed(), let_go)
    }

    async fn wait(&self, operation: &str) {
        let pause = self.pause.lock().unwrap().take_if(|pause| {
            let here = pause.operation == operation;
            let passes = here && pause.passing > 0;
            pause.passing -= usize::from(passes);
            here && !passes
        });
        if let Some(pause) = pause {
            let _ = pause.arrived.send(());
            let _ = pause.go_on.await;
        }
    }

    /// The number of faults that have not been injected yet.
    pub fn waiting(&self) -> usize {
        self.faults.lock().unwrap().len()
    }

    /// Removes the faults that have not been injected yet.
    pub fn calm(&self) {
        self.faults.lock().unwrap().clear();
    }

    /// Loses this number of writes of access requests.
    pub fn lose_accesses(&self, number: usize) {
        self.losing.store(number, Ordering::Relaxed);
    }

    /// From now on writes of access requests wait, or no longer wait.
    pub fn hold_accesses(&self, hold: bool) {
        self.holding.send_replace(hold);
    }

    /// From now on each write of an access request has this additional delay.
    pub fn slow_accesses_down(&self, latency: Duration) {
        self.slowness.store(latency.as_millis().try_into().unwrap(), Ordering::Relaxed);
    }

    /// The writes of access requests since the last call of this function.
    pub fn take_accesses(&self) -> Vec<WireCall> {
        std::mem::take(&mut self.accesses.lock().unwrap())
    }

    /// From now on transactions write day sheets whatever their revision is.
    pub fn ignore_sheet_conditions(&self) {
        self.ignoring.store(true, Ordering::Relaxed);
    }

    /// From now on a transaction is cancelled with a conflict if it shares an item with one in progress, as on AWS.
    pub fn conflict_on_shared_items(&self) {
        self.in_flight.watch();
    }

    /// The number of writes that were cancelled for that.
    pub fn conflicts(&self) -> usize {
        self.conflicts.load(Ordering::Relaxed)
    }

    /// From now on the index does not show new writes.
    pub fn lag_index(&self) {
        self.lagging.store(true, Ordering::Relaxed);
    }

    /// From now on writes of items under these partition keys, of the table or the index, are throttled.
    pub fn throttle(&self, partitions: impl IntoIterator<Item = String>) {
        *self.throttled.lock().unwrap() = partitions.into_iter().collect();
    }

    fn is_throttled(&self, sent: &Value) -> bool {
        let throttled = self.throttled.lock().unwrap();
        let has = |value: &Value| value["S"].as_str().is_some_and(|key| throttled.contains(key));
        ["PK", "GSI1PK"].iter().any(|name| has(&sent["Item"][name]))
    }

    /// From now on each Query of the index repeats its first response, until the index is thawed.
    pub fn freeze_index(&self) {
        *self.frozen.lock().unwrap() = Some(HashMap::new());
    }

    /// Queries of the index return current items again.
    pub fn thaw_index(&self) {
        *self.frozen.lock().unwrap() = None;
    }

    /// The frozen response of a call, filled by the first one; `None` if the index is not frozen.
    fn frozen(&self, sent: &Value) -> Option<Arc<OnceLock<Value>>> {
        let mut frozen = self.frozen.lock().unwrap();
        let answers = frozen.as_mut().filter(|_| sent["IndexName"].is_string())?;
        Some(answers.entry(sent.to_string()).or_default().clone())
    }

    /// Answers the next calls in groups of these sizes: a call is answered when all calls of its group were sent. Parallel calls
    /// then always overlap, however busy the machine is, and sequential calls never complete a group.
    pub fn gather(&self, sizes: &[usize]) {
        let group = |size: &usize| (*size, Arc::new(Barrier::new(*size)));
        self.groups.lock().unwrap().extend(sizes.iter().map(group));
    }

    fn group(&self) -> Option<Arc<Barrier>> {
        let mut groups = self.groups.lock().unwrap();
        let (left, group) = groups.front_mut()?;
        *left -= 1;
        let (full, group) = (*left == 0, group.clone());
        if full {
            groups.pop_front();
        }
        Some(group)
    }

    /// From now on every response has at least this latency.
    pub fn slow_down(&self, latency: Duration) {
        let millis = latency.as_millis().try_into().unwrap();
        self.latency.store(millis, Ordering::Relaxed);
    }

    /// Discards the recorded calls.
    pub fn forget(&self) {
        self.calls.lock().unwrap().clear();
    }

    /// The calls since the last call of this function or of `forget`.
    pub fn take_calls(&self) -> Vec<WireCall> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    /// A client whose calls pass this wire on their way to `inner`.
    pub fn client(self: &Arc<Self>, inner: SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(WireClient { wire: self.clone(), inner })
    }

    fn next_fault(&self, operation: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let at = faults.iter().position(|(wanted, _)| *wanted == operation)?;
        faults.remove(at).map(|(_, fault)| fault)
    }
}
