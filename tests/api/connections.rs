//! What the server lets connections do, with limits short enough to wait for.

use std::{io::ErrorKind, net::SocketAddr, time::Duration};

use axum::{Router, body::Bytes, routing::get};
use clinic_api::{
    http::lifecycle::{Lifecycle, Phase},
    server::{self, Limits},
};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use crate::support::frames::{Frame, Frames, HEADERS, fields};

const SHORT: Duration = Duration::from_millis(400);
const LONG: Duration = Duration::from_mins(1);
/// More than the system keeps of a connection.
const LARGE: usize = 12_000_000;
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

fn limits() -> Limits {
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

struct Server {
    address: SocketAddr,
    lifecycle: Lifecycle,
    ended: JoinHandle<usize>,
}

impl Server {
    async fn start(limits: Limits) -> Self {
        let slow = get(async || {
            sleep(2 * SHORT).await;
            "slow"
        });
        let large = get(async || vec![b'x'; LARGE]);
        let service = Router::new().route("/", get("quick")).route("/slow", slow);
        let service = service.route("/large", large);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let lifecycle = Lifecycle::new();
        let process = lifecycle.clone();
        let ended =
            tokio::spawn(
                async move { server::run(listener, service, &process, limits, LONG).await },
            );
        Self { address, lifecycle, ended }
    }

    async fn connect(&self, sent: &[u8]) -> TcpStream {
        let mut connection = TcpStream::connect(self.address).await.unwrap();
        connection.write_all(sent).await.unwrap();
        connection
    }

    /// Tells it to stop; answers how many connections it did not see end.
    async fn stop(self) -> usize {
        self.lifecycle.advance(Phase::Draining);
        timeout(LONG / 2, self.ended).await.expect("nobody holds it up").unwrap()
    }
}

/// All that comes until the other side closes; `None` if it does not.
async fn until_closed(connection: &mut TcpStream, within: Duration) -> Option<String> {
    let mut received = Vec::new();
    match timeout(within, connection.read_to_end(&mut received)).await {
        Err(_) => None,
        Ok(Err(error)) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        Ok(_) => Some(String::from_utf8_lossy(&received).into_owned()),
    }
}

#[tokio::test]
async fn who_sends_no_whole_request_is_closed_and_who_sent_one_may_stay_longer() {
    let server = Server::start(Limits { first_request: SHORT, ..limits() }).await;
    for sent in [&b""[..], b"GET", b"GET / HTTP/1.1\r\nHost:", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
    {
        let mut silent = server.connect(sent).await;
        assert!(until_closed(&mut silent, LONG).await.is_some(), "{sent:?}");
    }
    let mut served = server.connect(REQUEST).await;
    let mut answer = [0; 15];
    served.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    assert!(until_closed(&mut served, 5 * SHORT).await.is_none(), "it may ask again");
    assert_eq!(server.stop().await, 0);
}

#[tokio::test]
async fn a_first_request_that_comes_byte_by_byte_or_only_pings_before_it_are_not_waited_for() {
    let server = Server::start(Limits { first_request: SHORT, ..limits() }).await;
    let mut slow = server.connect(b"GET / HTTP/1.1\r\nX: ").await;
    let (mut reading, mut writing) = slow.split();
    let dripping = async {
        while writing.write_all(b"x").await.is_ok() {
            sleep(SHORT / 8).await;
        }
    };
    let closed = async { while reading.read(&mut [0; 64]).await.is_ok_and(|bytes| bytes > 0) {} };
    let ended = async { tokio::join!(closed, dripping) };
    timeout(LONG, ended).await.expect("it is closed");
    let mut pinging = Frames::open(&server.address.to_string(), &[]).await;
    let head = Frame::new(HEADERS, 0, 1, &fields("GET", "/", &[]));
    let mut unfinished = Frames::open(&server.address.to_string(), &[]).await;
    unfinished.send(&[head]).await;
    let pings = async {
        while pinging.settle().await.is_some() {
            sleep(SHORT / 8).await;
        }
    };
    timeout(LONG, pings).await.expect("it is closed");
    assert!(unfinished.until(|_| false).await.is_none());
    assert_eq!(server.stop().await, 0);
}

#[tokio::test]
async fn who_opens_no_window_for_the_answer_is_given_up() {
    let server = Server::start(Limits { request: SHORT, ..limits() }).await;
    // SETTINGS_INITIAL_WINDOW_SIZE is 0.
    let mut silent = Frames::open(&server.address.to_string(), &[(4, 0)]).await;
    silent.send(&[Frame::request(1, &fields("GET", "/large", &[]))]).await;
    assert!(silent.until(|frame| frame.kind == HEADERS).await.is_some(), "the head needs none");
    assert!(silent.until(|_| false).await.is_none(), "it is closed");
    assert_eq!(server.stop().await, 0);
}

#[tokio::test]
async fn a_connection_without_requests_is_closed_but_not_one_that_waits_for_its_answer() {
    let server = Server::start(Limits { idle: SHORT / 2, ..limits() }).await;
    let mut idle = server.connect(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let received = until_closed(&mut idle, LONG).await.expect("it is closed in the end");
    assert!(received.ends_with("slow"), "{received}");
    assert_eq!(server.stop().await, 0);
}

#[tokio::test]
async fn one_connection_too_many_is_told_so_and_the_others_are_served() {
    let server = Server::start(Limits { connections: 2, ..limits() }).await;
    let mut first = server.connect(REQUEST).await;
    let mut answer = [0; 15];
    first.read_exact(&mut answer).await.unwrap();
    let second = server.connect(b"").await;
    sleep(SHORT).await;
    // Also who has sent much before it reads is told why.
    let upload = [
        &b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n"[..],
        &vec![b'x'; 200_000],
    ];
    for sent in [&b""[..], REQUEST, &upload.concat()] {
        let mut third = server.connect(sent).await;
        let refusal = until_closed(&mut third, LONG).await.unwrap();
        assert!(refusal.starts_with("HTTP/1.1 503"), "{refusal}");
        assert!(refusal.contains("retry-after: 1"), "{refusal}");
    }
    drop(second);
    sleep(SHORT).await;
    let mut next = server.connect(REQUEST).await;
    next.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK", "a place is free again");
    assert_eq!(server.stop().await, 0);
}

#[tokio::test]
async fn a_request_on_its_way_is_served_when_the_process_stops() {
    let server = Server::start(Limits { last_request: LONG, ..limits() }).await;
    let mut connection = server.connect(b"GET / HTTP/1.1\r\n").await;
    sleep(SHORT).await;
    server.lifecycle.advance(Phase::Draining);
    sleep(SHORT).await;
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody new is let in");
    connection.write_all(b"Host: x\r\n\r\n").await.unwrap();
    let answer = until_closed(&mut connection, LONG).await.expect("it closes after the answer");
    assert!(answer.contains("connection: close") && answer.ends_with("quick"), "{answer}");
    assert_eq!(server.stop().await, 0);
}

#[tokio::test]
async fn a_second_request_on_its_way_is_served_when_the_process_stops() {
    let server = Server::start(Limits { last_request: LONG, ..limits() }).await;
    let mut connection = server.connect(&[REQUEST, b"GET / HTTP/1.1\r\n"].concat()).await;
    sleep(SHORT).await;
    server.lifecycle.advance(Phase::Draining);
    sleep(SHORT).await;
    connection.write_all(b"Host: x\r\n\r\n").await.unwrap();
    let answers = until_closed(&mut connection, LONG).await.expect("it closes after the answer");
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 2, "{answers}");
    assert!(answers.contains("connection: close"), "{answers}");
    assert_eq!(server.stop().await, 0);
}

/// Reads all that comes, at most 64 KiB at a time and with pauses: longer in all than any limit.
async fn read_slowly(connection: &mut TcpStream) -> usize {
    let mut received = 0;
    let mut part = vec![0; 64 * 1024];
    loop {
        match connection.read(&mut part).await.unwrap() {
            0 => return received,
            bytes => received += bytes,
        }
        sleep(SHORT / 8).await;
    }
}

#[tokio::test]
async fn an_answer_that_is_read_slowly_is_not_cut() {
    // The system keeps megabytes on their way, and tells of progress in steps of as much.
    let patience = 8 * SHORT;
    let server = Server::start(Limits { idle: patience, linger: patience, ..limits() }).await;
    let mut slow = server.connect(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let lifecycle = server.lifecycle.clone();
    let draining = tokio::spawn(async move {
        sleep(patience).await;
        lifecycle.advance(Phase::Draining);
    });
    let began = Instant::now();
    assert!(read_slowly(&mut slow).await > LARGE);
    assert!(began.elapsed() > 2 * patience, "it took longer than either may stand still");
    draining.await.unwrap();
    assert_eq!(server.stop().await, 0);
}

#[tokio::test]
async fn an_answer_that_nobody_reads_holds_nothing_up() {
    let server = Server::start(Limits { idle: SHORT, request: SHORT, ..limits() }).await;
    let mut silent = server.connect(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await;
    sleep(6 * SHORT).await;
    let received = until_closed(&mut silent, LONG).await.expect("it was given up");
    assert!(received.len() < LARGE, "{}", received.len());
    // One that does so while the process stops is told of.
    let silent = server.connect(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await;
    sleep(SHORT / 4).await;
    assert_eq!(server.stop().await, 1);
    drop(silent);
}

#[tokio::test]
async fn a_head_without_an_end_takes_little_room() {
    let server = Server::start(limits()).await;
    let head = [&b"GET / HTTP/1.1\r\nX: "[..], &vec![b'x'; 100_000]].concat();
    let mut connection = server.connect(&head).await;
    let answer = until_closed(&mut connection, LONG).await.expect("it is refused");
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    assert_eq!(server.stop().await, 0);
}

#[tokio::test]
async fn http2_finishes_what_is_under_way_and_is_told_to_go_away() {
    let server = Server::start(limits()).await;
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Full<Bytes>>();
    let uri = |path: &str| format!("http://{}{path}", server.address).parse().unwrap();
    assert_eq!(client.get(uri("/")).await.unwrap().status(), 200);
    let slow = tokio::spawn(client.get(uri("/slow")));
    sleep(SHORT / 2).await;
    assert_eq!(server.stop().await, 0);
    let answer = slow.await.unwrap().unwrap().into_body().collect().await.unwrap();
    assert_eq!(answer.to_bytes(), "slow");
}

#[tokio::test]
async fn what_runs_without_a_connection_is_waited_for() {
    let server = Server::start(limits()).await;
    let (finished, has_finished) = tokio::sync::oneshot::channel();
    server.lifecycle.tasks().spawn(async {
        sleep(SHORT).await;
        finished.send(()).unwrap();
    });
    assert_eq!(server.stop().await, 0);
    has_finished.await.unwrap();
}
