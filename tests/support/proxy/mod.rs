//! A TCP proxy between a service and its engine. It injects the faults of networks and of AWS, and outages.

mod script;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{body::Bytes, http::header};
use futures_util::stream;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::{
    Request, Response,
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use jiff::SignedDuration;
use script::Script;
pub use script::Spoilt;
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::timeout,
};

use super::{
    aws_errors::{self, MEDIA_TYPE},
    aws_time,
    process::{HttpClient, http_client},
    wait::DEADLINE,
};

/// Longer than the timeout of an attempt.
const FOREVER: Duration = Duration::from_hours(1);

/// A proxy with its own port. It can be down.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    state: Mutex<State>,
}

enum State {
    Up(JoinHandle<()>),
    /// The port stays reserved, so that no other process listens there in the meantime.
    Down(TcpSocket),
    Changing,
}

struct Shared {
    engine: String,
    client: HttpClient,
    script: Mutex<Script>,
    /// The number of held calls, and whether they are released.
    held: watch::Sender<Held>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Held {
    calls: usize,
    go_on: bool,
}

impl Proxy {
    /// A proxy in front of an engine, without faults.
    pub async fn before(engine: &str, seed: u64) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let engine = engine.trim_end_matches('/').to_owned();
        let script = Mutex::new(Script::of(seed));
        let held = watch::Sender::default();
        let shared = Arc::new(Shared { engine, client: http_client(), script, held });
        let serving = tokio::spawn(serve(listener, shared.clone()));
        Self { address, shared, state: Mutex::new(State::Up(serving)) }
    }

    /// The endpoint of the proxy.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on this share of the calls gets a random fault.
    pub fn spoil(&self, share: f64) {
        self.shared.script().spoil(share, None);
    }

    /// From now on every call gets one of these faults.
    pub fn spoil_all(&self, ways: &'static [Spoilt]) {
        self.shared.script().spoil(1.0, Some(ways));
    }

    /// The next call gets this fault.
    pub fn spoil_next(&self, way: Spoilt) {
        self.shared.script().next = Some(way);
    }

    /// From now on calls with [`Spoilt::Held`] wait until they are released.
    pub fn hold(&self) {
        self.shared.held.send_replace(Held::default());
    }

    /// Waits until this number of calls is held.
    pub async fn holds(&self, calls: usize) {
        let mut held = self.shared.held.subscribe();
        let all = held.wait_for(|held| held.calls >= calls);
        timeout(DEADLINE, all).await.expect("so many calls come").unwrap();
    }

    /// Releases the held calls.
    pub fn let_go(&self) {
        self.shared.held.send_modify(|held| held.go_on = true);
    }

    /// From now on calls of this operation are refused as invalid, with a long message that echoes the request, as DynamoDB does.
    pub fn echo(&self, operation: Option<&'static str>) {
        self.shared.script().echoing = operation;
    }

    /// From now on writes that contain this text, for example a key, are throttled.
    pub fn throttle(&self, text: Option<String>) {
        self.shared.script().throttling = text;
    }

    /// The number of calls that got a fault.
    pub fn spoilt(&self) -> usize {
        self.shared.script().spoilt
    }

    /// From now on the store's clock is ahead of this machine's. The store refuses signatures that are more than five minutes
    /// from its clock, as AWS does.
    pub fn go_ahead_by(&self, ahead: SignedDuration) {
        self.shared.script().ahead = ahead;
    }

    /// The number of calls that were refused because of their signature time.
    pub fn refused_for_time(&self) -> usize {
        self.shared.script().refused_for_time
    }

    fn change(&self) -> State {
        std::mem::replace(&mut *self.state.lock().unwrap(), State::Changing)
    }

    /// Resets every connection and refuses new ones.
    pub async fn down(&self) {
        let State::Up(serving) = self.change() else { panic!("it is not up") };
        serving.abort();
        assert!(serving.await.unwrap_err().is_cancelled());
        let port = TcpSocket::new_v4().unwrap();
        port.set_reuseaddr(true).unwrap();
        port.bind(self.address).unwrap();
        *self.state.lock().unwrap() = State::Down(port);
    }

    /// Accepts connections again.
    pub fn up(&self) {
        let State::Down(port) = self.change() else { panic!("it is not down") };
        let serving = tokio::spawn(serve(port.listen(1024).unwrap(), self.shared.clone()));
        *self.state.lock().unwrap() = State::Up(serving);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let State::Up(serving) = self.change() {
            serving.abort();
        }
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(connection(stream, shared.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    // With zero linger, every close of the connection is a reset.
    let _ = stream.set_zero_linger();
    let pass = service_fn(|request| shared.pass(request));
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), pass).await;
}

type Answer = Response<BoxBody<Bytes, io::Error>>;

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    async fn pass(&self, request: Request<Incoming>) -> io::Result<Answer> {
        let mut answer = if aws_time::is_timely(request.headers(), self.script().now()) {
            self.spoil(request).await?
        } else {
            self.script().refused_for_time += 1;
            answer(400, &aws_errors::error("InvalidSignatureException", &json!({})))
        };
        answer.headers_mut().insert(header::DATE, aws_time::date(self.script().now()));
        Ok(answer)
    }

    async fn spoil(&self, request: Request<Incoming>) -> io::Result<Answer> {
        let (mut head, body) = request.into_parts();
        let sent = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let target = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
        let operation = target.and_then(|target| target.rsplit('.').next()).unwrap_or_default();
        let echoing = self.script().echoing.filter(|echoing| *echoing == operation);
        if let Some(operation) = echoing {
            self.script().spoilt += 1;
            let mut answer = answer(400, &aws_errors::echo(operation, &sent));
            let id = format!("ECHO-{operation}").to_uppercase();
            answer.headers_mut().insert("x-amzn-requestid", id.parse().unwrap());
            return Ok(answer);
        }
        let writes = ["PutItem", "UpdateItem", "TransactWriteItems"].contains(&operation);
        let throttles = |text: String| String::from_utf8_lossy(&sent).contains(&text);
        let throttling = self.script().throttling.clone().filter(|_| writes);
        if throttling.is_some_and(throttles) {
            self.script().spoilt += 1;
            return Ok(throttled("ProvisionedThroughputExceededException", &sent));
        }
        let spoilt = self.script().draw();
        match spoilt {
            Some(Spoilt::Throttled(kind)) => return Ok(throttled(kind, &sent)),
            Some(Spoilt::Status(status, kind)) => {
                return Ok(answer(status, &aws_errors::error(kind, &json!({}))));
            }
            Some(Spoilt::ResetBefore) => return Err(reset()),
            Some(Spoilt::Slow(millis)) => tokio::time::sleep(Duration::from_millis(millis)).await,
            Some(Spoilt::Held) => {
                let mut held = self.held.subscribe();
                self.held.send_modify(|held| held.calls += 1);
                let _ = held.wait_for(|held| held.go_on).await;
            }
            _ => {}
        }
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        head.uri = format!("{}{path}", self.engine).parse().unwrap();
        let request = Request::from_parts(head, Full::from(sent));
        let (head, body) =
            self.client.request(request).await.map_err(io::Error::other)?.into_parts();
        let done = body.collect().await.map_err(io::Error::other)?.to_bytes();
        match spoilt {
            Some(Spoilt::ResetAfter) => return Err(reset()),
            Some(Spoilt::Silent) => {
                tokio::time::sleep(FOREVER).await;
                return Err(reset());
            }
            Some(Spoilt::Truncated) => {
                let half = done.slice(..done.len() / 2);
                let parts = [Ok(Frame::data(half)), Err(reset())];
                let mut answer = Response::from_parts(head, whole(parts));
                answer.headers_mut().insert("content-length", done.len().into());
                return Ok(answer);
            }
            _ => {}
        }
        Ok(Response::from_parts(head, whole([Ok(Frame::data(done))])))
    }
}

fn whole<const PARTS: usize>(
    parts: [io::Result<Frame<Bytes>>; PARTS],
) -> BoxBody<Bytes, io::Error> {
    BoxBody::new(StreamBody::new(stream::iter(parts)))
}

fn reset() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

fn answer(status: u16, body: &Value) -> Answer {
    let body = whole([Ok(Frame::data(body.to_string().into()))]);
    Response::builder().status(status).header("content-type", MEDIA_TYPE).body(body).unwrap()
}

fn throttled(kind: &str, sent: &[u8]) -> Answer {
    let sent: Value = serde_json::from_slice(sent).unwrap_or_default();
    let inside = sent["TransactItems"].is_array() && kind.starts_with("Provisioned");
    let body = if inside {
        aws_errors::cancelled(&sent, &["ThrottlingError", "ProvisionedThroughputExceeded"])
    } else {
        aws_errors::error(kind, &json!({}))
    };
    answer(400, &body)
}
