//! One connection: HTTP/1.1 or HTTP/2, for as long as its client has something to ask.

use std::{
    convert::Infallible,
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
use tokio::net::TcpStream;
use tower::ServiceExt as _;

use super::{
    Limits,
    load::{Load, UnderWay},
};
use crate::http::{
    lifecycle::{Lifecycle, Phase},
    metrics,
};

/// Asks a silent HTTP/2 client this often whether it is still there.
const HTTP2_PING: Duration = Duration::from_secs(20);

/// The answer to one connection too many; nothing of the request has been read.
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-length: 0\r\nretry-after: 1\r\nconnection: close\r\n\r\n";

/// Tells a client that there are too many connections. It is told at once or not at all.
pub fn refuse(stream: &TcpStream) {
    metrics::connection_refused();
    let _ = stream.try_write(REFUSAL);
}

/// Serves a connection to its end.
pub async fn serve(stream: TcpStream, service: Router, lifecycle: Lifecycle, limits: Limits) {
    let _open = metrics::connection_opened();
    // Answers are written whole: nothing is gained by waiting for more to send.
    let _ = stream.set_nodelay(true);
    let load = Load::new();
    let answering = service_fn({
        let (load, lifecycle) = (load.clone(), lifecycle.clone());
        move |request| answer(request, service.clone(), load.begin(), lifecycle.clone())
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(HTTP2_PING);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), answering));
    tokio::select! {
        _ = connection.as_mut() => return,
        () = load.quiet(limits.first_request, limits.idle) => {}
        () = lifecycle.reached(Phase::Draining) => {}
    }
    if !load.has_begun() {
        // Its first request may be on its way.
        let waiting = tokio::time::timeout(limits.last_request, load.begun());
        tokio::select! {
            _ = connection.as_mut() => return,
            _ = waiting => {}
        }
    }
    connection.as_mut().graceful_shutdown();
    let linger = if load.has_begun() { limits.linger } else { Duration::ZERO };
    tokio::select! {
        _ = connection.as_mut() => {}
        () = load.quiet(linger, limits.linger) => {}
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
