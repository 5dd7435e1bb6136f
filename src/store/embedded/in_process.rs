//! Serves SDK calls by the engine in this process, without a port that others on this machine could
//! reach.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use dynoxide::{Database, DynoxideError};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::Instant;

use crate::sensitive::TaskFailed;

/// How long a table description is cached: the engine counts all items for it. DynamoDB updates the
/// count every six hours.
const DESCRIBED_FOR: Duration = Duration::from_mins(10);

/// A connection to a database that may be closed. Clones share it.
#[derive(Clone)]
pub struct InProcess(Arc<RwLock<Option<Open>>>);

/// Cached `DescribeTable` responses with their time, by request body.
type Described = HashMap<Vec<u8>, (Instant, Vec<u8>)>;

struct Open {
    database: Database,
    described: Mutex<Described>,
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InProcess")
    }
}

impl InProcess {
    pub(super) fn to(database: Database) -> Self {
        Self(Arc::new(RwLock::new(Some(Open { database, described: Mutex::default() }))))
    }

    /// Waits for running calls and closes the database. Later calls fail like calls to a closed
    /// port.
    pub(super) fn close(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Returns the database, unless it is closed.
    pub(super) fn database(&self) -> Option<Database> {
        let open = self.0.read().unwrap_or_else(PoisonError::into_inner);
        open.as_ref().map(|open| open.database.clone())
    }

    fn answer(&self, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let open = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let open = open
            .as_ref()
            .ok_or_else(|| ConnectorError::io("the embedded engine was stopped".into()))?;
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let body = request.body().bytes().unwrap_or_default();
        let (status, json) = match open.answer(operation, body) {
            Ok(json) => (200, json),
            Err(error) => {
                if error.status_code() == 500 {
                    // The engine's message may quote a request, so only its kind is logged.
                    let disk = error.to_string().contains("disk");
                    let what = if disk { "the disk is full or fails" } else { "internal error" };
                    tracing::error!(error.message = what, "the embedded engine failed");
                }
                (error.status_code(), error.to_json().into_bytes())
            }
        };
        let status = StatusCode::try_from(status);
        let status = status.map_err(|error| ConnectorError::other(error.into(), None))?;
        let mut response = HttpResponse::new(status, SdkBody::from(json));
        response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
        Ok(response)
    }
}

impl Open {
    fn answer(&self, operation: &str, body: &[u8]) -> dynoxide::Result<Vec<u8>> {
        if !operation.ends_with("Table") {
            return dispatch(&self.database, operation, body);
        }
        // The lock is held while the engine counts, so that concurrent callers do not count again.
        let mut described = self.described.lock().unwrap_or_else(PoisonError::into_inner);
        if operation != "DescribeTable" {
            described.clear();
            return dispatch(&self.database, operation, body);
        }
        match described.get(body) {
            Some((since, answer)) if since.elapsed() < DESCRIBED_FOR => Ok(answer.clone()),
            _ => {
                let answer = dispatch(&self.database, operation, body)?;
                described.insert(body.to_owned(), (Instant::now(), answer.clone()));
                Ok(answer)
            }
        }
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move {
            // In a separate task, so that calls that wait for each other run concurrently. A call
            // whose caller is gone still completes, as it would over a connection.
            let answering = tokio::spawn(async move { this.answer(&request) });
            answering
                .await
                .map_err(|error| ConnectorError::other(TaskFailed::from(error).into(), None))?
        })
    }
}

impl HttpClient for InProcess {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// Parses the request of an operation and serialises its response (AWS JSON 1.0).
fn done<I: DeserializeOwned, O: Serialize>(
    body: &[u8],
    operation: impl FnOnce(I) -> dynoxide::Result<O>,
) -> dynoxide::Result<Vec<u8>> {
    let input = serde_json::from_slice(body)
        .map_err(|error| DynoxideError::SerializationException(error.to_string()))?;
    serde_json::to_vec(&operation(input)?)
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

fn dispatch(database: &Database, operation: &str, body: &[u8]) -> dynoxide::Result<Vec<u8>> {
    match operation {
        "BatchGetItem" => done(body, |input| database.batch_get_item(input)),
        "BatchWriteItem" => done(body, |input| database.batch_write_item(input)),
        "CreateTable" => done(body, |input| database.create_table(input)),
        "DeleteItem" => done(body, |input| database.delete_item(input)),
        "DeleteTable" => done(body, |input| database.delete_table(input)),
        "DescribeStream" => done(body, |input| database.describe_stream(input)),
        "DescribeTable" => done(body, |input| database.describe_table(input)),
        "DescribeTimeToLive" => done(body, |input| database.describe_time_to_live(input)),
        "GetItem" => done(body, |input| database.get_item(input)),
        "GetRecords" => done(body, |input| database.get_records(input)),
        "GetShardIterator" => done(body, |input| database.get_shard_iterator(input)),
        "ListTables" => done(body, |input| database.list_tables(input)),
        "PutItem" => done(body, |input| database.put_item(input)),
        "Query" => done(body, |input| database.query(input)),
        "Scan" => done(body, |input| database.scan(input)),
        "TransactWriteItems" => done(body, |input| database.transact_write_items(input)),
        "UpdateItem" => done(body, |input| database.update_item(input)),
        "UpdateTimeToLive" => done(body, |input| database.update_time_to_live(input)),
        _ => Err(DynoxideError::UnsupportedCapability(format!(
            "the embedded engine does not support {operation}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::{
        Client,
        error::{ProvideErrorMetadata as _, SdkError},
        types::AttributeValue,
    };

    use super::super::Engine;
    use crate::store::Store;

    async fn engine_with_table() -> (Engine, Client) {
        let engine = Engine::in_memory().unwrap();
        let client = engine.client();
        Store::new(client.clone(), "clinic").create_table().await.unwrap();
        (engine, client)
    }

    #[tokio::test]
    async fn refusals_come_as_dynamodb_sends_them() {
        let (_engine, client) = engine_with_table().await;
        let missing = client.get_item().table_name("other").key("PK", AttributeValue::Bool(true));
        let refused = missing.send().await.unwrap_err();
        assert!(refused.code().is_some(), "{refused:?}");
        let unknown = client.describe_limits().send().await.unwrap_err();
        assert_eq!(unknown.raw_response().unwrap().status().as_u16(), 501);
    }

    #[tokio::test]
    async fn a_table_is_described_as_it_is_and_not_counted_each_time() {
        let (engine, client) = engine_with_table().await;
        let describe = async || client.describe_table().table_name("clinic").send().await;
        let items = async || describe().await.unwrap().table.unwrap().item_count;
        assert_eq!(items().await, Some(0));
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let put = client.put_item().table_name("clinic").item("PK", text("A"));
        put.item("SK", text("B")).send().await.unwrap();
        assert_eq!(items().await, Some(0), "it was counted already");
        client.delete_table().table_name("clinic").send().await.unwrap();
        assert!(describe().await.is_err(), "it is gone");
        Store::new(client.clone(), "clinic").create_table().await.unwrap();
        assert_eq!(items().await, Some(0));
        engine.stop().await;
    }

    #[tokio::test]
    async fn a_stopped_engine_is_out_of_reach() {
        let (engine, client) = engine_with_table().await;
        engine.stop().await;
        let failed = client.list_tables().send().await.unwrap_err();
        assert!(matches!(failed, SdkError::DispatchFailure(_)), "{failed:?}");
    }
}
