//! An OpenTelemetry collector that accepts OTLP over HTTP with protobuf.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use prost::Message as _;
use tokio::{net::TcpListener, task::JoinHandle};

/// A collector. It stops with the test.
pub struct Collector {
    received: Arc<Mutex<Vec<Bytes>>>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

/// A received span. Attribute values are strings; multiple values are separated by commas.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The name, for example `GET /v1/clinics`.
    pub name: String,
    /// The trace id in hexadecimal.
    pub trace_id: String,
    /// The span id.
    pub span_id: String,
    /// The parent's span id; empty for a root span.
    pub parent: String,
    /// The kind as a number of OTLP: 2 server, 3 client, 4 producer, 5 consumer.
    pub kind: i32,
    /// Whether the span has the status error.
    pub failed: bool,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
    /// The attributes of the process.
    pub resource: BTreeMap<String, String>,
}

impl Seen {
    /// The value of an attribute; empty if absent.
    pub fn get(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

impl Collector {
    /// Starts a collector.
    pub async fn start() -> Self {
        let received = Arc::<Mutex<Vec<Bytes>>>::default();
        let router = Router::new().route("/v1/traces", post(take)).with_state(received.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { received, address, task }
    }

    /// The value for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All received payloads, unparsed.
    pub fn bytes(&self) -> Vec<u8> {
        self.received.lock().unwrap().concat()
    }

    /// The received spans.
    pub fn spans(&self) -> Vec<Seen> {
        let received = self.received.lock().unwrap();
        let requests =
            received.iter().map(|body| ExportTraceServiceRequest::decode(body.clone()).unwrap());
        let spans = requests.flat_map(|request| request.resource_spans).flat_map(|of_process| {
            let resource = texts(of_process.resource.unwrap_or_default().attributes);
            let spans = of_process.scope_spans.into_iter().flat_map(|scope| scope.spans);
            spans.map(move |span| seen(span, resource.clone())).collect::<Vec<_>>()
        });
        spans.collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(State(received): State<Arc<Mutex<Vec<Bytes>>>>, headers: HeaderMap, body: Bytes) {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    received.lock().unwrap().push(body);
}

fn seen(span: Span, resource: BTreeMap<String, String>) -> Seen {
    assert!(span.events.is_empty() && span.links.is_empty() && span.trace_state.is_empty());
    assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
    let status = span.status.unwrap_or_default();
    assert_eq!(status.message, "", "errors are named and not told");
    let hex = |id: &[u8]| data_encoding::HEXLOWER.encode(id);
    Seen {
        trace_id: hex(&span.trace_id),
        span_id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        kind: span.kind,
        failed: status.code == 2,
        attributes: texts(span.attributes),
        resource,
        name: span.name,
    }
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let texts = attributes.into_iter().map(|it| (it.key, text(it.value.and_then(|it| it.value))));
    texts.collect()
}

fn text(value: Option<Value>) -> String {
    match value {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::ArrayValue(list)) => {
            let values = list.values.into_iter().map(|it| text(it.value));
            values.collect::<Vec<_>>().join(",")
        }
        other => panic!("no such value is expected: {other:?}"),
    }
}
