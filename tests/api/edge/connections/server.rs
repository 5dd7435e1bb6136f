//! A server with routes of its own, and what clients of it see.

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
/// By how much the clock is moved at a time.
pub const STEP: Duration = Duration::from_millis(100);
/// No test moves the clock so far.
pub const LONG: Duration = Duration::from_hours(1);
/// More than the system keeps of a connection.
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
    /// Told when a slow request has begun.
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

    /// Waits until all connections before have been taken, which are so in their order, and what they sent was read.
    pub async fn settle(&self) {
        let last = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        for _ in 0..2 {
            let answer = until_closed(&mut self.connect(last).await).await;
            assert!(answer.ends_with("quick"), "{answer}");
        }
    }

    /// Tells it to stop; answers how many connections it did not see end.
    pub async fn stop(self) -> usize {
        self.lifecycle.advance(Phase::Draining);
        timeout(LONG / 2, self.ended).await.expect("nobody holds it up").unwrap()
    }
}

/// All that comes until the other side closes.
pub async fn until_closed(connection: &mut TcpStream) -> String {
    let mut received = Vec::new();
    match timeout(LONG / 2, connection.read_to_end(&mut received)).await.expect("it is closed") {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        _ => String::from_utf8_lossy(&received).into_owned(),
    }
}

/// Reads an answer that ends with the word.
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

/// Whether it is open, and nothing has come on it.
pub fn is_open(connection: &TcpStream) -> bool {
    matches!(connection.try_read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
}
