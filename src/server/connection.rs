//! One connection: HTTP/1.1 or HTTP/2, for as long as its client has something to ask.

use std::{
    convert::Infallible,
    net::IpAddr,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderValue, Request, Response, Version, header},
};
use hyper::{
    body::{Body as HttpBody, Frame, Incoming, SizeHint},
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
use tower::ServiceExt as _;

use super::{
    Limits,
    load::{Load, UnderWay},
    stream::Watched,
};
use crate::http::{
    lifecycle::{Lifecycle, Phase},
    metrics,
    rate::PeerAddress,
};

/// Asks a silent HTTP/2 client this often whether it is still there.
const HTTP2_PING: Duration = Duration::from_secs(20);

/// How many requests an HTTP/2 client may have under way at once.
const HTTP2_STREAMS: u32 = 64;

/// How many requests of an HTTP/2 connection may end by faults of its client (CVE-2025-8671). Who sends the 100 that clients
/// begin with before they know how many there may be at once makes 36 of them.
const HTTP2_FAULTS: usize = 128;

/// How many requests an HTTP/2 client may have cancelled that nobody has looked at yet (CVE-2023-44487).
const HTTP2_CANCELLED: usize = 20;

/// What the fields of an HTTP/2 request may take, as `SETTINGS_MAX_HEADER_LIST_SIZE` counts it.
const HTTP2_FIELDS: u32 = 16 * 1024;

/// What a connection may fill with a head that does not end.
const HEAD_BYTES: usize = 32 * 1024;

/// The answer to one connection too many, whatever it asks.
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-length: 0\r\nretry-after: 1\r\nconnection: close\r\n\r\n";

/// How long a refused client may go on sending: cut off at once, it would not read why.
const REFUSED: Duration = Duration::from_secs(1);

/// Tells a client that there are too many connections.
pub async fn refuse(mut stream: TcpStream) {
    let mut ignored = [0; 4096];
    // Clients take what comes before they have asked for an error of the connection.
    let _ = timeout(REFUSED, stream.read(&mut ignored)).await;
    let tell = async {
        stream.write_all(REFUSAL).await?;
        stream.shutdown().await?;
        while stream.read(&mut ignored).await? > 0 {}
        std::io::Result::Ok(())
    };
    let _ = timeout(REFUSED, tell).await;
}

/// Serves a connection to its end; answers whether all that was asked on it was answered.
pub async fn serve(
    stream: TcpStream,
    peer: IpAddr,
    service: Router,
    lifecycle: Lifecycle,
    limits: Limits,
) -> bool {
    let _open = limits.measured.then(metrics::connection_opened);
    // Answers are written whole: nothing is gained by waiting for more to send.
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
    let stream = TokioIo::new(Watched::new(stream, load.clone()));
    let mut connection = pin!(builder.serve_connection(stream, answering));
    tokio::select! {
        _ = connection.as_mut() => return true,
        () = load.overdue(limits.request) => return false,
        () = load.quiet(limits.first_request, limits.idle) => {}
        () = lifecycle.reached(Phase::Draining) => {}
    }
    // A request may be on its way.
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
) -> Result<Response<CountedBody>, Infallible> {
    let version = request.version();
    let mut response = service.oneshot(request.map(Body::new)).await?;
    if lifecycle.phase() > Phase::Serving && version <= Version::HTTP_11 {
        // The client's next request goes to another process. HTTP/2 is told by GOAWAY.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response.map(|body| CountedBody { body, _under_way: under_way }))
}

/// The body of an answer: its request is under way until the last of it was taken.
struct CountedBody {
    body: Body,
    _under_way: UnderWay,
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
