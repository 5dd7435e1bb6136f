//! What passes between the SDK and the engine: counted, and disturbed in the ways that only AWS disturbs it.

use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings,
            SharedHttpClient, SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::{
    sync::{Barrier, oneshot},
    time::timeout,
};

use super::{aws_errors, wait::DEADLINE};

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
    moments: AtomicU64,
    /// In milliseconds.
    latency: AtomicU64,
    groups: Mutex<VecDeque<(usize, std::sync::Arc<Barrier>)>>,
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

    /// The next calls are answered in groups of these sizes, each call when all of its group have been sent: calls that do not
    /// wait for one another overlap, however busy the machine is, and others never are a group.
    pub fn gather(&self, sizes: &[usize]) {
        let group = |size: &usize| (*size, std::sync::Arc::new(Barrier::new(*size)));
        self.groups.lock().unwrap().extend(sizes.iter().map(group));
    }

    fn group(&self) -> Option<std::sync::Arc<Barrier>> {
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
    pub fn client(self: &std::sync::Arc<Self>, inner: SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(WireClient { wire: self.clone(), inner })
    }

    fn next_fault(&self, operation: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let at = faults.iter().position(|(wanted, _)| *wanted == operation)?;
        faults.remove(at).map(|(_, fault)| fault)
    }
}

#[derive(Debug)]
struct WireClient {
    wire: std::sync::Arc<Wire>,
    inner: SharedHttpClient,
}

impl HttpClient for WireClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(WireConnector { wire: self.wire.clone(), inner })
    }
}

#[derive(Debug, Clone)]
struct WireConnector {
    wire: std::sync::Arc<Wire>,
    inner: SharedHttpConnector,
}

impl HttpConnector for WireConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move { this.pass(request).await })
    }
}

impl WireConnector {
    async fn pass(&self, mut request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let sent = request.body().bytes().and_then(|bytes| serde_json::from_slice(bytes).ok());
        let sent: Value = sent.unwrap_or_default();
        assert_audit_is_append_only(&operation, &sent);
        // What is remembered of accesses is written beside requests, at any time: it is none of theirs.
        if operation == "PutItem" && is_access(&sent) {
            let less = |left: usize| left.checked_sub(1);
            if self.wire.losing.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok() {
                return Err(broken("no route to the engine"));
            }
            return self.inner.call(request).await;
        }
        if operation == "TransactWriteItems" && self.wire.ignoring.load(Ordering::Relaxed) {
            rewrite(&mut request, ignore_sheet_conditions);
        }
        let fault = self.wire.next_fault(&operation);
        self.wire.wait(&operation).await;
        match fault {
            Some(Fault::Unreachable) => return Err(broken("no route to the engine")),
            Some(Fault::Throttled) => {
                return Ok(error(400, "ProvisionedThroughputExceededException", &json!({})));
            }
            Some(Fault::Conflict) => return Ok(conflict(&operation, &sent)),
            Some(Fault::ThrottledInside) => {
                return Ok(cancelled(&sent, &["ThrottlingError", "ProvisionedThroughputExceeded"]));
            }
            Some(Fault::ConflictAndCondition) => {
                return Ok(cancelled(&sent, &["ConditionalCheckFailed", "TransactionConflict"]));
            }
            Some(Fault::BadGateway) => {
                let page = SdkBody::from("<html>bad gateway</html>");
                return Ok(HttpResponse::new(StatusCode::try_from(502).unwrap(), page));
            }
            Some(Fault::ServerError) => return Ok(error(500, "InternalServerError", &json!({}))),
            Some(Fault::Unforeseen) => return Ok(error(400, "AccessDeniedException", &json!({}))),
            Some(Fault::LostReplyAndToken) => rewrite(&mut request, forget_token),
            Some(Fault::Unprocessed) if operation == "BatchWriteItem" => {
                rewrite(&mut request, |body| only_batch(body).truncate(1));
            }
            _ => {}
        }
        let sent_at = self.wire.moments.fetch_add(1, Ordering::Relaxed);
        let group = self.wire.group();
        let answer = self.inner.call(request).await?;
        let status = answer.status();
        let bytes = collect(answer).await?;
        tokio::time::sleep(Duration::from_millis(self.wire.latency.load(Ordering::Relaxed))).await;
        if let Some(group) = group {
            timeout(DEADLINE, group.wait()).await.expect("so many calls are made at once");
        }
        let span = (sent_at, self.wire.moments.fetch_add(1, Ordering::Relaxed));
        let mut body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        self.note(operation.clone(), sent.clone(), &body, span);
        match fault {
            Some(Fault::LostReply | Fault::LostReplyAndToken) => Err(broken("the answer was lost")),
            Some(Fault::Unprocessed) => {
                leave_unprocessed(&sent, &mut body);
                Ok(response(status, &body))
            }
            Some(Fault::NoItems) => {
                // What was done has no reasons.
                for reason in body["CancellationReasons"].as_array_mut().into_iter().flatten() {
                    reason.as_object_mut().unwrap().remove("Item");
                }
                Ok(response(status, &body))
            }
            Some(Fault::Stale) => {
                assert_ne!(sent["ConsistentRead"], json!(true), "a consistent read is never stale");
                Ok(response(status, &stale(&operation)))
            }
            _ => Ok(HttpResponse::new(status, SdkBody::from(bytes))),
        }
    }

    fn note(&self, operation: String, request: Value, body: &Value, span: (u64, u64)) {
        let consumed = &body["ConsumedCapacity"];
        let units = |consumed: &Value| consumed["CapacityUnits"].as_f64().unwrap_or_default();
        let capacity = match consumed.as_array() {
            Some(tables) => tables.iter().map(units).sum(),
            None => units(consumed),
        };
        self.wire.calls.lock().unwrap().push(WireCall { operation, capacity, request, span });
    }
}

/// Of what is under `AUDIT#`, items are added where none stand, and nothing else happens to them: in every test.
fn assert_audit_is_append_only(operation: &str, sent: &Value) {
    let audited = |key: &Value| key["PK"]["S"].as_str().is_some_and(|pk| pk.starts_with("AUDIT#"));
    let one = |operation: &str, write: &Value| match operation {
        "Put" => {
            let condition = write["ConditionExpression"].as_str().unwrap_or_default();
            let adds = condition.starts_with("attribute_not_exists(#") && !condition.contains(' ');
            assert!(adds || !audited(&write["Item"]), "{write}");
        }
        _ => assert!(!audited(&write["Key"]), "{operation}: {write}"),
    };
    match operation {
        "PutItem" => one("Put", sent),
        "UpdateItem" | "DeleteItem" => one(operation, sent),
        "TransactWriteItems" => {
            for write in sent["TransactItems"].as_array().into_iter().flatten() {
                write.as_object().unwrap().iter().for_each(|(kind, write)| one(kind, write));
            }
        }
        _ => {}
    }
}

fn is_access(sent: &Value) -> bool {
    sent["Item"]["SK"]["S"].as_str().is_some_and(|key| key.starts_with("ACCESS#"))
}

async fn collect(answer: HttpResponse) -> Result<Vec<u8>, ConnectorError> {
    let collected = answer.into_body().collect().await;
    Ok(collected.map_err(ConnectorError::io)?.to_bytes().to_vec())
}

fn broken(why: &'static str) -> ConnectorError {
    ConnectorError::io(std::io::Error::other(why).into())
}

/// Changes what is sent.
fn rewrite(request: &mut HttpRequest, change: impl Fn(&mut Value)) {
    let mut body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
    change(&mut body);
    let bytes = serde_json::to_vec(&body).unwrap();
    request.headers_mut().insert("content-length", bytes.len().to_string());
    *request.body_mut() = SdkBody::from(bytes);
}

/// Without the token that the SDK would repeat, the engine takes the repeated request for a new one.
fn forget_token(body: &mut Value) {
    body.as_object_mut().unwrap().remove("ClientRequestToken");
}

/// What a day sheet must be as it was read for is done whatever it is. The condition still stands there, beside what is
/// always so: what is named and not used would be refused.
fn ignore_sheet_conditions(body: &mut Value) {
    let writes = body["TransactItems"].as_array_mut().unwrap().iter_mut();
    for write in writes.filter_map(|write| write.as_object_mut()?.values_mut().next()) {
        let key =
            |name: &str| write["Key"][name]["S"].as_str().or(write["Item"][name]["S"].as_str());
        let (partition, sort_key) = (key("PK").unwrap(), key("SK").unwrap());
        let of_clinic = partition.starts_with("DAYS#") && !sort_key.starts_with("EXCEPTION#");
        let condition = write["ConditionExpression"].as_str().unwrap_or_default().to_owned();
        let as_read = write["ExpressionAttributeNames"].as_object().is_none_or(|names| {
            names.iter().any(|(name, of)| of == "rev" && condition.contains(name.as_str()))
        });
        if as_read && (of_clinic || sort_key.starts_with("DAY#")) {
            let always =
                format!("({condition}) OR attribute_exists(PK) OR attribute_not_exists(PK)");
            write["ConditionExpression"] = json!(always);
        }
    }
}

fn response(status: StatusCode, body: &Value) -> HttpResponse {
    let mut response = HttpResponse::new(status, SdkBody::from(body.to_string()));
    response.headers_mut().insert("content-type", aws_errors::MEDIA_TYPE);
    response
}

fn error(status: u16, kind: &str, members: &Value) -> HttpResponse {
    let status = StatusCode::try_from(status).unwrap();
    response(status, &aws_errors::error(kind, members))
}

/// As DynamoDB words it: a transaction is cancelled with a reason for each of its items, a single write is refused.
fn conflict(operation: &str, sent: &Value) -> HttpResponse {
    if operation == "TransactWriteItems" {
        return cancelled(sent, &["TransactionConflict"]);
    }
    error(400, "TransactionConflictException", &json!({}))
}

/// A transaction cancelled with these reasons for the last of its items.
fn cancelled(sent: &Value, codes: &[&str]) -> HttpResponse {
    response(StatusCode::try_from(400).unwrap(), &aws_errors::cancelled(sent, codes))
}

/// The writes of a batch for one table.
fn only_batch(body: &mut Value) -> &mut Vec<Value> {
    let tables = body["RequestItems"].as_object_mut().unwrap();
    tables.values_mut().next().unwrap().as_array_mut().unwrap()
}

fn leave_unprocessed(sent: &Value, body: &mut Value) {
    if sent["RequestItems"].as_object().unwrap().values().any(Value::is_array) {
        let mut left = sent.clone();
        assert!(only_batch(&mut left).len() > 1, "nothing to leave unprocessed: {sent}");
        only_batch(&mut left).remove(0);
        body["UnprocessedItems"] = left["RequestItems"].take();
        return;
    }
    let (table, request) = sent["RequestItems"].as_object().unwrap().iter().next().unwrap();
    let mut rest = request.clone();
    let keys = rest["Keys"].as_array_mut().unwrap();
    assert!(keys.len() > 1, "nothing to leave unprocessed: {sent}");
    let first = keys.remove(0);
    let has_key = |item: &Value| item["PK"] == first["PK"] && item["SK"] == first["SK"];
    body["Responses"][table].as_array_mut().unwrap().retain(has_key);
    body["UnprocessedKeys"] = json!({ table: rest });
}

fn stale(operation: &str) -> Value {
    match operation {
        "Query" => json!({ "Items": [], "Count": 0, "ScannedCount": 0 }),
        _ => json!({}),
    }
}
