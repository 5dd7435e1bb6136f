//! The AWS Lambda function as a process: it fetches batches from the runtime API and returns the items that must be sent again.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod recorded;

use std::{
    collections::HashMap,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    response::IntoResponse,
    routing::{get, post},
};
use clinic_api::{
    audit_events,
    id::{OrgId, PatientId},
    keyring::SearchKeys,
    records::{
        dead_letters,
        patients::{
            self,
            model::{
                PatientDetails,
                search::{PatientSearch, Phonetics},
            },
        },
    },
    store::{
        Store, WriteContext, client::local_streams, connections::Connections, embedded::Served,
        keys, read::PageRequest,
    },
    time::{Clock as _, SystemClock},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc},
};

/// A runtime API of AWS Lambda: batches go in, responses come out.
struct RuntimeApi {
    address: String,
    batches: mpsc::UnboundedSender<Value>,
    answers: mpsc::UnboundedReceiver<Value>,
}

struct Shared {
    batches: Mutex<mpsc::UnboundedReceiver<Value>>,
    answers: mpsc::UnboundedSender<Value>,
}

impl RuntimeApi {
    async fn start() -> Self {
        let (batches, waiting) = mpsc::unbounded_channel();
        let (answered, answers) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared { batches: Mutex::new(waiting), answers: answered });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{what}", post(answer))
            .with_state(shared);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, batches, answers }
    }

    async fn invoke(&mut self, records: &[Value]) -> Value {
        self.batches.send(json!({ "Records": records })).unwrap();
        let patience = std::time::Duration::from_mins(5);
        tokio::time::timeout(patience, self.answers.recv()).await.unwrap().unwrap()
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let batch = shared.batches.lock().await.recv().await.unwrap();
    let deadline = (SystemClock.now().as_millisecond() + 600_000).to_string();
    let headers = [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
        ("lambda-runtime-deadline-ms", deadline),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-central-1:123456789012:function:clinic-api".to_owned(),
        ),
    ];
    (headers, Json(batch))
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    Path((_, what)): Path<(String, String)>,
    body: Bytes,
) -> impl IntoResponse {
    let body: Value = serde_json::from_slice(&body).unwrap();
    shared.answers.send(json!({ what: body })).unwrap();
    (axum::http::StatusCode::ACCEPTED, Json(json!({ "status": "OK" })))
}

/// The function's process. It is killed when the test ends.
struct Function(Child);

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn function(api: &RuntimeApi, endpoint: &str, table: &str, log: Stdio) -> Function {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clinic-api-lambda"));
    for (name, _) in std::env::vars() {
        if name.starts_with("AWS_") || name.starts_with("CLINIC_API_") {
            command.env_remove(name);
        }
    }
    command
        .env("AWS_LAMBDA_RUNTIME_API", &api.address)
        .env("AWS_LAMBDA_FUNCTION_NAME", "clinic-api")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/clinic-api")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "1")
        .env("CLINIC_API_STORE", "dynamodb")
        .env("CLINIC_API_TABLE", table)
        .env("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "x")
        .env("AWS_SECRET_ACCESS_KEY", "x")
        .stdout(Stdio::null())
        .stderr(log);
    Function(command.spawn().unwrap())
}

fn org() -> OrgId {
    "ORG-DEMO".parse().unwrap()
}

async fn register(store: &Store) -> PatientId {
    let request_id = clinic_api::id::random_token();
    let context = WriteContext::internal(org(), "anna", request_id, SystemClock.now());
    let patient = PatientDetails::named("Ida Example".to_owned());
    let search = PatientSearch { keys: SearchKeys::random(), phonetics: Phonetics::default() };
    let made = patients::repo::create(store, &search, &context, patient).await.unwrap();
    made.value.record.id
}

/// The stream's records in the form in which Lambda delivers them.
async fn records(endpoint: &str, store: &Store) -> Vec<Value> {
    let streams = local_streams(endpoint, Connections::on_this_machine().unwrap().http_client());
    let arn = store.stream_arn().await.unwrap().unwrap();
    let described = streams.describe_stream().stream_arn(&arn).send().await.unwrap();
    let shard = described.stream_description.unwrap().shards.unwrap().remove(0);
    let iterator = streams.get_shard_iterator().stream_arn(&arn).shard_id(shard.shard_id.unwrap());
    let iterator = iterator.shard_iterator_type("TRIM_HORIZON".into()).send().await.unwrap();
    let read = streams.get_records().shard_iterator(iterator.shard_iterator.unwrap());
    let records = read.send().await.unwrap().records.unwrap();
    let record = |record: aws_sdk_dynamodbstreams::types::Record| {
        let body = record.dynamodb.unwrap();
        let image = |image: Option<HashMap<String, _>>| {
            image.map(|image| serde_json::to_value(serde_dynamo::Item::from(image)).unwrap())
        };
        let mut change = json!({
            "ApproximateCreationDateTime": body.approximate_creation_date_time.unwrap().secs(),
            "Keys": image(body.keys),
            "SequenceNumber": body.sequence_number.unwrap(),
            "SizeBytes": 26,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        });
        for (name, image) in
            [("NewImage", image(body.new_image)), ("OldImage", image(body.old_image))]
        {
            if let Some(image) = image {
                change[name] = image;
            }
        }
        json!({
            "eventID": record.event_id.unwrap(),
            "eventName": record.event_name.unwrap().as_str(),
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "eu-central-1",
            "dynamodb": change,
            "eventSourceARN": arn,
        })
    };
    records.into_iter().map(record).collect()
}

/// A record from AWS's documentation, of another table.
fn documented() -> Value {
    json!({
        "eventID": "c4ca4238a0b923820dcc509a6f75849b",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_428_537_600,
            "Keys": { "Id": { "N": "101" } },
            "NewImage": { "Message": { "S": "New item!" }, "Id": { "N": "101" } },
            "SequenceNumber": "4421584500000000017450439091",
            "SizeBytes": 26,
            "StreamViewType": "NEW_AND_OLD_IMAGES"
        },
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/ExampleTable/stream/2015-06-27T00:48:05.899"
    })
}

async fn trail(store: &Store, patient: &PatientId) -> usize {
    let page = PageRequest { after: None, limit: 10, consistent: true };
    let range = keys::changes_of_record(&patient.into(), Timestamp::UNIX_EPOCH, SystemClock.now());
    audit_events::repo::list(store, &org(), range, page).await.unwrap().items.len()
}

#[tokio::test]
async fn batches_are_worked_on_and_what_fails_is_to_come_again() {
    let engine = Served::in_memory().await.unwrap();
    let client = engine.engine().client();
    let store = Store::new(client, "clinic");
    store.create_table().await.unwrap();
    let patients = [register(&store).await, register(&store).await];
    let mut batch = records(engine.endpoint(), &store).await;
    // The event source's filter passes neither the format of the table nor search items.
    batch.retain(|record| record["dynamodb"]["NewImage"]["type"]["S"] == "patient");
    assert_eq!(batch.len(), 2);
    batch.insert(1, documented());

    let mut api = RuntimeApi::start().await;
    let function_here = function(&api, engine.endpoint(), "clinic", Stdio::inherit());
    for _ in 0..2 {
        // The second time as after a lost response.
        assert_eq!(api.invoke(&batch).await, json!({ "response": { "batchItemFailures": [] } }));
        for patient in &patients {
            assert_eq!(trail(&store, patient).await, 1);
        }
    }
    let page = PageRequest { after: None, limit: 10, consistent: true };
    let dead = dead_letters::repo::list(&store, page).await.unwrap().items;
    assert_eq!(dead.len(), 1, "an unknown item becomes a dead letter, once");
    drop(function_here);

    // A table that does not respond: the whole batch must be sent again.
    let mut api = RuntimeApi::start().await;
    let _function_without_table = function(&api, "http://127.0.0.1:9", "clinic", Stdio::inherit());
    let answered = api.invoke(&batch[..1]).await;
    let expected = json!([{ "itemIdentifier": batch[0]["dynamodb"]["SequenceNumber"] }]);
    assert_eq!(answered["response"]["batchItemFailures"], expected);
}

/// An unreadable batch is reported without its contents, to Lambda and in the log.
#[tokio::test]
async fn a_batch_that_cannot_be_read_is_an_error_that_quotes_nothing() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut api = RuntimeApi::start().await;
    let file = log.reopen().unwrap().into();
    let _function = function(&api, "http://127.0.0.1:9", "clinic", file);
    let mut record = documented();
    record["dynamodb"]["SizeBytes"] = json!("Ida Example");
    let answered = api.invoke(&[record]).await;
    assert!(answered["error"].is_object(), "{answered}");
    let logged = std::fs::read_to_string(log.path()).unwrap();
    assert!(!format!("{answered}{logged}").contains("Ida"), "{answered}\n{logged}");
}
