//! Serves one connection, HTTP/1.1 or HTTP/2, from its first request to its last.

use std::{convert::Infallible, net::IpAddr, pin::pin, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderValue, Request, Response, Version, header},
};
use http_body_util::BodyExt as _;
use hyper::{
    body::{Body as HttpBody, Incoming},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_util::io::InspectWriter;
use tower::ServiceExt as _;

use super::{
    limits::Limits,
    load::{Load, UnderWay},
};
use crate::http::{
    lifecycle::{Lifecycle, Phase},
    metrics,
    rate::PeerAddress,
};

/// The interval of pings to an idle HTTP/2 client.
const HTTP2_PING: Duration = Duration::from_secs(20);

/// The maximum number of concurrent requests per HTTP/2 connection.
const HTTP2_STREAMS: u32 = 64;

/// The maximum number of requests per HTTP/2 connection that end because of client errors
/// (CVE-2025-8671). A client that sends the usual first 100 requests before it receives the
/// concurrency limit causes 36 of them.
const HTTP2_FAULTS: usize = 128;

/// The maximum number of requests that an HTTP/2 client cancels before they are accepted
/// (CVE-2023-44487).
const HTTP2_CANCELLED: usize = 20;

/// The maximum size of the header fields of an HTTP/2 request, as `SETTINGS_MAX_HEADER_LIST_SIZE`
/// counts them.
const HTTP2_FIELDS: u32 = 16 * 1024;

/// The maximum size of the head of an HTTP/1.1 request.
const HEAD_BYTES: usize = 32 * 1024;

/// Writes of at most this size are not part of a response. HTTP/2 pings and acknowledgements have
/// at most 17 bytes.
const CONTROL: usize = 64;

/// The response on a connection above the limit, whatever it requests.
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-length: 0\r\nretry-after: 1\r\nconnection: close\r\n\r\n";

/// The time that a refused connection stays open. If it closed at once, the client might not read
/// the response.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Refuses a connection above the limit.
pub async fn refuse(mut stream: TcpStream) {
    let mut ignored = [0; 4096];
    // Read first: a client treats a response before its request as a connection error.
    let _ = timeout(TIMEOUT, stream.read(&mut ignored)).await;
    let respond = async {
        stream.write_all(REFUSAL).await?;
        stream.shutdown().await?;
        while stream.read(&mut ignored).await? > 0 {}
        std::io::Result::Ok(())
    };
    let _ = timeout(TIMEOUT, respond).await;
}

/// Serves a connection until it closes. Returns whether all its requests were answered.
pub async fn serve(
    stream: TcpStream,
    peer: IpAddr,
    service: Router,
    lifecycle: Lifecycle,
    limits: Limits,
) -> bool {
    let _open = limits.measured.then(metrics::connection_opened);
    // Responses are written in one piece, so Nagle's algorithm gains nothing.
    let _ = stream.set_nodelay(true);
    let load = Load::new();
    let answering = service_fn({
        let (load, lifecycle) = (load.clone(), lifecycle.clone());
        move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(PeerAddress(peer));
            answer(request, service.clone(), load.begin(), lifecycle.clone())
        }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().max_buf_size(HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HTTP2_PING)
        .max_concurrent_streams(HTTP2_STREAMS)
        .max_local_error_reset_streams(HTTP2_FAULTS)
        .max_pending_accept_reset_streams(HTTP2_CANCELLED)
        .max_header_list_size(HTTP2_FIELDS);
    let sending = load.clone();
    let stream = InspectWriter::new(stream, move |written| {
        if written.len() > CONTROL {
            sending.sent();
        }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), answering));
    tokio::select! {
        _ = connection.as_mut() => return true,
        () = load.overdue(limits.request) => return false,
        () = load.quiet(limits.first_request, limits.idle) => {}
        () = lifecycle.reached(Phase::Draining) => {}
    }
    // A request may already be in flight.
    tokio::select! {
        _ = connection.as_mut() => return true,
        () = load.busy(limits.last_request) => {}
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        _ = connection.as_mut() => true,
        () = load.overdue(limits.request) => false,
        () = load.quiet(Duration::ZERO, limits.linger) => !load.has_begun(),
    }
}

async fn answer(
    request: Request<Incoming>,
    service: Router,
    under_way: UnderWay,
    lifecycle: Lifecycle,
) -> Result<Response<impl HttpBody<Data = Bytes, Error = axum::Error>>, Infallible> {
    let version = request.version();
    let mut response = service.oneshot(request.map(Body::new)).await?;
    if lifecycle.phase() > Phase::Serving && version <= Version::HTTP_11 {
        // The client opens a new connection, to another process, for its next request. HTTP/2 uses
        // GOAWAY instead.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    // The body owns the guard, so the request stays in progress until the client has received the
    // whole response.
    Ok(response.map(|body| {
        body.map_err(move |error| {
            let _ = &under_way;
            error
        })
    }))
}
