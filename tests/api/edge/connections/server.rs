//! A server with its own routes, and what its clients see.

use std::{io::ErrorKind, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, routing::get};
use clinic_api::{
    http::lifecycle::{Lifecycle, Phase},
    server::{self, Limits},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
    time::{sleep, timeout},
};

pub const SHORT: Duration = Duration::from_secs(1);
/// The step by which the clock is moved.
pub const STEP: Duration = Duration::from_millis(100);
/// Longer than any test moves the clock.
pub const LONG: Duration = Duration::from_hours(1);
/// More than the system buffers for a connection.
pub const LARGE: usize = 12_000_000;
pub const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

pub fn limits() -> Limits {
    Limits {
        connections: 100,
        first_request: LONG,
        idle: LONG,
        request: LONG,
        last_request: SHORT,
        linger: SHORT,
        measured: true,
    }
}

pub struct Server {
    pub address: SocketAddr,
    pub lifecycle: Lifecycle,
    /// Notified when a slow request has begun.
    pub slow: Arc<Notify>,
    ended: JoinHandle<usize>,
}

impl Server {
    pub async fn start(limits: Limits) -> Self {
        let slow = Arc::new(Notify::new());
        let begun = slow.clone();
        let take_time = get(async move || {
            begun.notify_one();
            sleep(2 * SHORT).await;
            "slow"
        });
        let large = get(async || vec![b'x'; LARGE]);
        let service = Router::new().route("/", get("quick")).route("/slow", take_time);
        let service = service.route("/large", large);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let lifecycle = Lifecycle::default();
        let process = lifecycle.clone();
        let ended =
            tokio::spawn(
                async move { server::run(listener, service, &process, limits, LONG).await },
            );
        Self { address, lifecycle, slow, ended }
    }

    pub async fn connect(&self, sent: &[u8]) -> TcpStream {
        let mut connection = TcpStream::connect(self.address).await.unwrap();
        connection.write_all(sent).await.unwrap();
        connection
    }

    /// Waits until all earlier connections were accepted, which happens in order, and their data was read.
    pub async fn settle(&self) {
        let last = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        for _ in 0..2 {
            let answer = until_closed(&mut self.connect(last).await).await;
            assert!(answer.ends_with("quick"), "{answer}");
        }
    }

    /// Stops the server. Returns the number of connections that it had to cut off.
    pub async fn stop(self) -> usize {
        self.lifecycle.advance(Phase::Draining);
        timeout(LONG / 2, self.ended).await.expect("nobody holds it up").unwrap()
    }
}

/// Everything that arrives until the other side closes.
pub async fn until_closed(connection: &mut TcpStream) -> String {
    let mut received = Vec::new();
    match timeout(LONG / 2, connection.read_to_end(&mut received)).await.expect("it is closed") {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        _ => String::from_utf8_lossy(&received).into_owned(),
    }
}

/// Reads a response that ends with this word.
pub async fn answer(connection: &mut TcpStream, end: &str) -> String {
    let mut received = String::new();
    while !received.ends_with(end) {
        let mut part = [0; 256];
        let bytes = connection.read(&mut part).await.unwrap();
        assert!(bytes > 0, "it is closed after {received}");
        received.push_str(std::str::from_utf8(&part[..bytes]).unwrap());
    }
    received
}

/// Whether the connection is open and nothing has arrived on it.
pub fn is_open(connection: &TcpStream) -> bool {
    matches!(connection.try_read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
}
