//! What passes between the SDK and the engine: counted, and disturbed in the ways that only AWS disturbs it.

mod connector;
mod in_flight;
mod messages;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use connector::WireClient;
use in_flight::InFlight;
use serde_json::Value;
use tokio::sync::{Barrier, oneshot};

/// A disturbance that the local engines do not produce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// None: the call passes.
    None,
    /// The request never arrives.
    Unreachable,
    /// The request is done, and the connection breaks before its answer arrives.
    LostReply,
    /// As `LostReply`, and the engine has forgotten the request's token when it comes again: no answer for free.
    LostReplyAndToken,
    /// DynamoDB limits its rate.
    Throttled,
    /// Another transaction has one of the items in hand.
    Conflict,
    /// DynamoDB cancels a transaction for its rate.
    ThrottledInside,
    /// Another transaction has one item in hand, and the condition of another item was found not to hold.
    ConflictAndCondition,
    /// A transaction is cancelled with these reasons, each at its position; a single write is refused for the first.
    Cancelled([(usize, &'static str); 2]),
    /// DynamoDB finds an item too large.
    ItemTooLarge,
    /// DynamoDB limits its rate, and says why.
    ThrottledFor(&'static str),
    /// DynamoDB has an error of its own.
    ServerError,
    /// Something between here and DynamoDB answers in its place.
    BadGateway,
    /// A BatchGetItem or a BatchWriteItem leaves all but its first key or item unprocessed.
    Unprocessed,
    /// A read that is not consistent sees none of what was written.
    Stale,
    /// A refused transaction does not bring back the items whose conditions failed.
    NoItems,
    /// DynamoDB refuses for a reason that nobody foresaw.
    Unforeseen,
}

/// One call that the service made.
#[derive(Debug, Clone, PartialEq)]
pub struct WireCall {
    /// As `GetItem`.
    pub operation: String,
    /// The capacity units that it took.
    pub capacity: f64,
    /// What was sent.
    pub request: Value,
    /// When it went out and when its answer was there: among all such moments, which one.
    pub span: (u64, u64),
}

/// How many of the calls had to wait for one another: the longest row in which each went out after the one before it was
/// answered.
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
    /// How many accesses more can't be remembered.
    losing: AtomicUsize,
    ignoring: AtomicBool,
    lagging: AtomicBool,
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
    /// How many calls pass before the one that is held.
    passing: usize,
    arrived: oneshot::Sender<()>,
    go_on: oneshot::Receiver<()>,
}

impl Wire {
    /// Disturbs the next call of an operation that has no disturbance waiting before it.
    pub fn disturb(&self, operation: &'static str, fault: Fault) {
        self.faults.lock().unwrap().push_back((operation, fault));
    }

    /// Disturbs so many calls of an operation.
    pub fn disturb_times(&self, times: usize, operation: &'static str, fault: Fault) {
        (0..times).for_each(|_| self.disturb(operation, fault));
    }

    /// Lets so many calls of an operation pass, and disturbs the next one.
    pub fn disturb_later(&self, undisturbed: usize, operation: &'static str, fault: Fault) {
        self.disturb_times(undisturbed, operation, Fault::None);
        self.disturb(operation, fault);
    }

    /// Holds the next call of an operation: the first end tells that it has come, the second lets it go on.
    pub fn pause_before(
        &self,
        operation: &'static str,
    ) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        self.pause_after(0, operation)
    }

    /// The same, once so many calls of the operation have passed.
    pub fn pause_after(
        &self,
        passing: usize,
        operation: &'static str,
    ) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        let (arrived, has_arrived) = oneshot::channel();
        let (let_go, go_on) = oneshot::channel();
        *self.pause.lock().unwrap() = Some(Pause { operation, passing, arrived, go_on });
        (has_arrived, let_go)
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

    /// How many disturbances have not happened.
    pub fn waiting(&self) -> usize {
        self.faults.lock().unwrap().len()
    }

    /// Takes back the disturbances that have not happened.
    pub fn calm(&self) {
        self.faults.lock().unwrap().clear();
    }

    /// So many writes of accesses do not arrive.
    pub fn lose_accesses(&self, number: usize) {
        self.losing.store(number, Ordering::Relaxed);
    }

    /// From now on every transaction's write of a day sheet is done, whatever its condition says.
    pub fn ignore_sheet_conditions(&self) {
        self.ignoring.store(true, Ordering::Relaxed);
    }

    /// From now on a transaction that shares an item with one that is under way is cancelled for the conflict, as AWS does it.
    pub fn conflict_on_shared_items(&self) {
        self.in_flight.watch();
    }

    /// How many writes were cancelled for that.
    pub fn conflicts(&self) -> usize {
        self.conflicts.load(Ordering::Relaxed)
    }

    /// From now on the index shows nothing of what was written.
    pub fn lag_index(&self) {
        self.lagging.store(true, Ordering::Relaxed);
    }

    /// The next calls are answered in groups of these sizes, each call when all of its group have been sent: calls that do not
    /// wait for one another overlap, however busy the machine is, and others never are a group.
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

    /// From now on every answer takes so long at least.
    pub fn slow_down(&self, latency: Duration) {
        let millis = latency.as_millis().try_into().unwrap();
        self.latency.store(millis, Ordering::Relaxed);
    }

    /// Forgets the calls so far.
    pub fn forget(&self) {
        self.calls.lock().unwrap().clear();
    }

    /// The calls since it was last asked, or told to forget.
    pub fn take_calls(&self) -> Vec<WireCall> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    /// A client whose calls pass here on their way to `inner`.
    pub fn client(self: &Arc<Self>, inner: SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(WireClient { wire: self.clone(), inner })
    }

    fn next_fault(&self, operation: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let at = faults.iter().position(|(wanted, _)| *wanted == operation)?;
        faults.remove(at).map(|(_, fault)| fault)
    }
}
