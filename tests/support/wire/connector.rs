//! Records each call and applies the faults that the wire was given.

use std::{
    sync::{Arc, OnceLock, atomic::Ordering},
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
use tokio::time::timeout;

use super::{
    Fault, Wire, WireCall,
    messages::{
        cancelled, cancelled_at, conflict, error, forget_token, ignore_sheet_conditions,
        item_too_large, leave_unprocessed, only_batch, response, rewrite, stale,
    },
};
use crate::support::wait::DEADLINE;

#[derive(Debug)]
pub struct WireClient {
    pub wire: Arc<Wire>,
    pub inner: SharedHttpClient,
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
    wire: Arc<Wire>,
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
        // Access requests are written in the background and do not count as calls of a request.
        if operation == "PutItem" && is_access_request(&sent) {
            return self.pass_access(request, sent).await;
        }
        if operation == "TransactWriteItems" && self.wire.ignoring.load(Ordering::Relaxed) {
            rewrite(&mut request, ignore_sheet_conditions);
        }
        // Held until this call is answered.
        let Ok(_held) = self.wire.in_flight.enter(&operation, &sent) else {
            let moment = self.wire.moments.fetch_add(1, Ordering::Relaxed);
            self.wire.conflicts.fetch_add(1, Ordering::Relaxed);
            self.note(operation.clone(), sent.clone(), None, (moment, moment));
            return Ok(conflict(&operation, &sent));
        };
        let frozen = self.wire.frozen(&sent);
        if let Some(answer) = self.without_engine(&operation, &sent, frozen.as_deref()) {
            return Ok(answer);
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
            Some(Fault::Cancelled(reasons)) => {
                return Ok(cancelled_at(&operation, &sent, &reasons));
            }
            Some(Fault::ItemTooLarge) => return Ok(item_too_large(&operation, &sent)),
            Some(Fault::ThrottledFor(reason)) => {
                let reasons = json!([{ "reason": reason, "resource": "arn:aws:dynamodb:canary" }]);
                let members = json!({ "ThrottlingReasons": reasons });
                return Ok(error(400, "ProvisionedThroughputExceededException", &members));
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
        let done = status.is_success();
        self.note(operation.clone(), sent.clone(), done.then_some(&body), span);
        if let Some(first) = frozen {
            first.get_or_init(|| body.clone());
        }
        match fault {
            Some(Fault::LostReply | Fault::LostReplyAndToken) => Err(broken("the answer was lost")),
            Some(Fault::Unprocessed) => {
                leave_unprocessed(&sent, &mut body);
                Ok(response(status, &body))
            }
            Some(Fault::NoItems) => {
                // A successful response has no cancellation reasons.
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

    /// The response to a call that does not reach the engine, because it is throttled or the index lags.
    fn without_engine(
        &self,
        operation: &str,
        sent: &Value,
        frozen: Option<&OnceLock<Value>>,
    ) -> Option<HttpResponse> {
        if self.wire.is_throttled(sent) {
            return Some(error(400, "ProvisionedThroughputExceededException", &json!({})));
        }
        let lags = sent["IndexName"].is_string() && self.wire.lagging.load(Ordering::Relaxed);
        let body = if lags {
            stale(operation)
        } else {
            let body = frozen?.get()?.clone();
            let moment = self.wire.moments.fetch_add(1, Ordering::Relaxed);
            self.note(operation.to_owned(), sent.clone(), Some(&body), (moment, moment));
            body
        };
        Some(response(StatusCode::try_from(200).unwrap(), &body))
    }

    /// A write of an access request: held, lost or passed.
    async fn pass_access(
        &self,
        request: HttpRequest,
        sent: Value,
    ) -> Result<HttpResponse, ConnectorError> {
        let less = |left: usize| left.checked_sub(1);
        if self.wire.losing.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok() {
            return Err(broken("no route to the engine"));
        }
        let mut holding = self.wire.holding.subscribe();
        holding.wait_for(|holding| !holding).await.unwrap();
        tokio::time::sleep(Duration::from_millis(self.wire.slowness.load(Ordering::Relaxed))).await;
        let answer = self.inner.call(request).await?;
        let status = answer.status();
        let bytes = collect(answer).await?;
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let (operation, capacity) = ("PutItem".to_owned(), capacity(&body));
        let call = WireCall { operation, capacity, request: sent, refused: false, span: (0, 0) };
        self.wire.accesses.lock().unwrap().push(call);
        Ok(HttpResponse::new(status, SdkBody::from(bytes)))
    }

    /// Records a call. A call without a body was refused.
    fn note(&self, operation: String, request: Value, body: Option<&Value>, span: (u64, u64)) {
        let refused = body.is_none();
        let capacity = body.map(capacity).unwrap_or_default();
        self.wire.calls.lock().unwrap().push(WireCall {
            operation,
            capacity,
            request,
            refused,
            span,
        });
    }
}

/// The capacity units in a response.
fn capacity(body: &Value) -> f64 {
    let consumed = &body["ConsumedCapacity"];
    let units = |consumed: &Value| consumed["CapacityUnits"].as_f64().unwrap_or_default();
    match consumed.as_array() {
        Some(tables) => tables.iter().map(units).sum(),
        None => units(consumed),
    }
}

/// Asserts in every test that items under `AUDIT#` and `ACCESS#` are only added, on the condition that they do not exist.
fn assert_audit_is_append_only(operation: &str, sent: &Value) {
    let of_audit = |pk: &str| pk.starts_with("AUDIT#") || pk.starts_with("ACCESS#");
    let audited = |key: &Value| key["PK"]["S"].as_str().is_some_and(of_audit);
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

fn is_access_request(sent: &Value) -> bool {
    sent["Item"]["PK"]["S"].as_str().is_some_and(|key| key.starts_with("ACCESS#"))
}

async fn collect(answer: HttpResponse) -> Result<Vec<u8>, ConnectorError> {
    let collected = answer.into_body().collect().await;
    Ok(collected.map_err(ConnectorError::io)?.to_bytes().to_vec())
}

fn broken(why: &'static str) -> ConnectorError {
    ConnectorError::io(std::io::Error::other(why).into())
}
