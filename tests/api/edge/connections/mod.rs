//! The limits of connections. The tests move the clock, so that a busy machine never reaches a limit by accident.

mod server;

use axum::body::Bytes;
use clinic_api::{http::lifecycle::Phase, server::Limits};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use server::{LARGE, LONG, REQUEST, SHORT, STEP, Server, answer, is_open, limits, until_closed};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use crate::support::{
    frames::{Frame, Frames, HEADERS, fields},
    wait::{StoppedClock, a_moment},
};

#[tokio::test]
async fn a_connection_without_a_complete_request_is_closed_sooner() {
    let clock = StoppedClock::stop();
    let server = Server::start(Limits { first_request: SHORT, ..limits() }).await;
    let mut silent = Vec::new();
    for sent in [&b""[..], b"GET", b"GET / HTTP/1.1\r\nHost:"] {
        silent.push(server.connect(sent).await);
    }
    let mut served = server.connect(REQUEST).await;
    answer(&mut served, "quick").await;
    let mut http2 = server.connect(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    server.settle().await;
    clock.advance(SHORT.checked_sub(STEP).unwrap()).await;
    server.settle().await;
    assert!(silent.iter().all(is_open), "they have time");
    for mut silent in silent {
        clock.run(STEP, until_closed(&mut silent)).await;
    }
    clock.run(STEP, until_closed(&mut http2)).await;
    clock.advance(5 * SHORT).await;
    server.settle().await;
    assert!(is_open(&served), "it may ask again");
    drop(served);
    assert_eq!(clock.run(STEP, server.stop()).await, 0);
}

#[tokio::test]
async fn a_first_request_that_comes_byte_by_byte_or_only_pings_before_it_are_not_waited_for() {
    let clock = StoppedClock::stop();
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
    clock.run(STEP, timeout(LONG / 2, ended)).await.expect("it is closed");
    let mut pinging = Frames::open(&server.address.to_string(), &[]).await;
    let head = Frame::new(HEADERS, 0, 1, &fields("GET", "/", &[]));
    let mut unfinished = Frames::open(&server.address.to_string(), &[]).await;
    unfinished.send(&[head]).await;
    let pings = async {
        while pinging.settle().await.is_some() {
            sleep(SHORT / 8).await;
        }
    };
    clock.run(STEP, timeout(LONG / 2, pings)).await.expect("it is closed");
    assert!(clock.run(STEP, unfinished.until(|_| false)).await.is_none());
    assert_eq!(clock.run(STEP, server.stop()).await, 0);
}

#[tokio::test]
async fn clients_without_a_window_are_disconnected() {
    let clock = StoppedClock::stop();
    let server = Server::start(Limits { request: SHORT, ..limits() }).await;
    // SETTINGS_INITIAL_WINDOW_SIZE is 0.
    let mut silent = Frames::open(&server.address.to_string(), &[(4, 0)]).await;
    silent.send(&[Frame::request(1, &fields("GET", "/large", &[]))]).await;
    assert!(silent.until(|frame| frame.kind == HEADERS).await.is_some(), "the head needs none");
    assert!(clock.run(STEP, silent.until(|_| false)).await.is_none(), "it is closed");
    assert_eq!(clock.run(STEP, server.stop()).await, 0);
}

#[tokio::test]
async fn a_connection_without_requests_is_closed_but_not_one_that_waits_for_its_answer() {
    let clock = StoppedClock::stop();
    let server = Server::start(Limits { idle: SHORT / 2, ..limits() }).await;
    let mut idle = server.connect(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let received = clock.run(STEP, until_closed(&mut idle)).await;
    assert!(received.ends_with("slow"), "{received}");
    assert_eq!(clock.run(STEP, server.stop()).await, 0);
}

#[tokio::test]
async fn one_connection_too_many_is_told_so_and_the_others_are_served() {
    let clock = StoppedClock::stop();
    let server = Server::start(Limits { connections: 2, ..limits() }).await;
    let mut first = server.connect(REQUEST).await;
    answer(&mut first, "quick").await;
    // Connections are accepted in order.
    let second = server.connect(b"").await;
    // A client that has sent much before it reads still gets the reason.
    let upload = [
        &b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n"[..],
        &vec![b'x'; 200_000],
    ];
    for sent in [&b""[..], REQUEST, &upload.concat()] {
        let mut third = server.connect(sent).await;
        let refusal = clock.run(STEP, until_closed(&mut third)).await;
        assert!(refusal.starts_with("HTTP/1.1 503"), "{refusal}");
        assert!(refusal.contains("retry-after: 1"), "{refusal}");
    }
    drop(second);
    let next = async {
        loop {
            let mut next = server.connect(REQUEST).await;
            let mut status = [0; 12];
            next.read_exact(&mut status).await.unwrap();
            if &status == b"HTTP/1.1 200" {
                return;
            }
        }
    };
    clock.run(STEP, timeout(LONG / 2, next)).await.expect("a place is free again");
    drop(first);
    assert_eq!(clock.run(STEP, server.stop()).await, 0);
}

/// Waits until the server accepts no new connections.
async fn until_it_drains(server: &Server) {
    while TcpStream::connect(server.address).await.is_ok() {
        a_moment().await;
    }
}

#[tokio::test]
async fn a_request_on_its_way_is_served_when_the_process_stops() {
    let clock = StoppedClock::stop();
    let server = Server::start(Limits { last_request: LONG, ..limits() }).await;
    let mut connection = server.connect(b"GET / HTTP/1.1\r\n").await;
    server.settle().await;
    server.lifecycle.advance(Phase::Draining);
    until_it_drains(&server).await;
    connection.write_all(b"Host: x\r\n\r\n").await.unwrap();
    let answer = until_closed(&mut connection).await;
    assert!(answer.contains("connection: close") && answer.ends_with("quick"), "{answer}");
    assert_eq!(clock.run(STEP, server.stop()).await, 0);
}

#[tokio::test]
async fn a_second_request_on_its_way_is_served_when_the_process_stops() {
    let clock = StoppedClock::stop();
    let server = Server::start(Limits { last_request: LONG, ..limits() }).await;
    let mut connection = server.connect(&[REQUEST, b"GET / HTTP/1.1\r\n"].concat()).await;
    let first = answer(&mut connection, "quick").await;
    assert!(first.starts_with("HTTP/1.1 200") && !first.contains("connection: close"), "{first}");
    server.settle().await;
    server.lifecycle.advance(Phase::Draining);
    until_it_drains(&server).await;
    connection.write_all(b"Host: x\r\n\r\n").await.unwrap();
    let second = until_closed(&mut connection).await;
    assert!(second.starts_with("HTTP/1.1 200") && second.contains("connection: close"), "{second}");
    assert_eq!(clock.run(STEP, server.stop()).await, 0);
}

#[tokio::test]
async fn an_answer_that_is_read_slowly_is_not_cut() {
    let clock = StoppedClock::stop();
    // The system buffers megabytes and reports progress in steps of that size.
    let limit = 64 * STEP;
    let server = Server::start(Limits { idle: limit, linger: limit, ..limits() }).await;
    let mut slow = server.connect(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let began = Instant::now();
    let (mut received, mut part) = (0, vec![0; 64 * 1024]);
    loop {
        match slow.read(&mut part).await.unwrap() {
            0 => break,
            bytes => received += bytes,
        }
        a_moment().await;
        clock.advance(STEP).await;
        if began.elapsed() > limit {
            server.lifecycle.advance(Phase::Draining);
        }
    }
    assert!(received > LARGE, "{received}");
    assert!(began.elapsed() > 2 * limit, "it took longer than either may stand still");
    assert_eq!(clock.run(STEP, server.stop()).await, 0);
}

#[tokio::test]
async fn an_answer_that_nobody_reads_holds_nothing_up() {
    let clock = StoppedClock::stop();
    let server = Server::start(Limits { idle: SHORT, request: SHORT, ..limits() }).await;
    let mut silent = server.connect(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await;
    silent.readable().await.unwrap();
    clock.run(STEP, sleep(6 * SHORT)).await;
    let received = until_closed(&mut silent).await;
    assert!(received.len() < LARGE, "{}", received.len());
    // Connections that do so during shutdown are reported.
    let silent = server.connect(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await;
    silent.readable().await.unwrap();
    assert_eq!(clock.run(STEP, server.stop()).await, 1);
    drop(silent);
}

#[tokio::test]
async fn a_head_without_an_end_takes_little_room() {
    let clock = StoppedClock::stop();
    let server = Server::start(limits()).await;
    let head = [&b"GET / HTTP/1.1\r\nX: "[..], &vec![b'x'; 100_000]].concat();
    let mut connection = server.connect(&head).await;
    let answer = until_closed(&mut connection).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    assert_eq!(clock.run(STEP, server.stop()).await, 0);
}

#[tokio::test]
async fn http2_finishes_what_is_under_way_and_is_told_to_go_away() {
    let clock = StoppedClock::stop();
    let server = Server::start(limits()).await;
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Full<Bytes>>();
    let uri = |path: &str| format!("http://{}{path}", server.address).parse().unwrap();
    assert_eq!(client.get(uri("/")).await.unwrap().status(), 200);
    let slow = tokio::spawn(client.get(uri("/slow")));
    server.slow.notified().await;
    assert_eq!(clock.run(STEP, server.stop()).await, 0);
    let answer = slow.await.unwrap().unwrap().into_body().collect().await.unwrap();
    assert_eq!(answer.to_bytes(), "slow");
}

#[tokio::test]
async fn what_runs_without_a_connection_is_waited_for() {
    let clock = StoppedClock::stop();
    let server = Server::start(limits()).await;
    let (finished, has_finished) = tokio::sync::oneshot::channel();
    server.lifecycle.tasks.spawn(async {
        sleep(SHORT).await;
        finished.send(()).unwrap();
    });
    assert_eq!(clock.run(STEP, server.stop()).await, 0);
    has_finished.await.unwrap();
}
