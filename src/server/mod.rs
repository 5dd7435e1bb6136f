//! The server: accepts and limits connections, and lets them finish at shutdown.
//!
//! `axum::serve` and the graceful shutdown of `hyper-util` never close idle connections, neither in operation nor at shutdown. This
//! accept loop does both.

mod connection;
mod limits;
mod load;

use std::{
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use axum::{Router, serve::Listener};
pub use limits::Limits;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
    time::timeout,
};

use crate::http::{
    lifecycle::{Lifecycle, Phase},
    metrics,
};

/// The backlog: how many connections may wait to be accepted, so that a burst is not refused.
const BACKLOG: u32 = 4096;

/// The maximum number of concurrent refusals. A connection above it is closed without a response.
const REFUSALS: usize = 256;

/// Listens on `address`.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Lets a new process listen where the previous one has just stopped.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves connections until the process drains, then waits until all have finished or `drain` has
/// passed. Returns the number of connections and tasks that did not finish.
pub async fn run(
    mut listener: TcpListener,
    service: Router,
    lifecycle: &Lifecycle,
    limits: Limits,
    drain: Duration,
) -> usize {
    let mut server = Server {
        service,
        lifecycle,
        limits,
        serving: JoinSet::new(),
        refusing: JoinSet::new(),
        unfinished: 0,
    };
    loop {
        tokio::select! {
            () = lifecycle.reached(Phase::Draining) => break,
            // axum's `accept` logs errors, and waits while no file descriptors are left.
            (stream, peer) = Listener::accept(&mut listener) => server.take(stream, peer.ip()),
            // Connections that end before draining had no more requests, or timed out.
            Some(_) = server.serving.join_next() => {}
            Some(_) = server.refusing.join_next() => {}
        }
    }
    if let Err(error) = server.take_backlog(listener) {
        tracing::warn!(error.message = %error, "connections in the backlog were closed without a response");
    }
    if timeout(drain, server.finish()).await.is_err() {
        server.unfinished += server.serving.len() + lifecycle.tasks.len();
    }
    server.unfinished
}

struct Server<'a> {
    service: Router,
    lifecycle: &'a Lifecycle,
    limits: Limits,
    serving: JoinSet<bool>,
    refusing: JoinSet<()>,
    unfinished: usize,
}

impl Server<'_> {
    fn take(&mut self, stream: TcpStream, peer: IpAddr) {
        // Forget connections that have ended.
        while self.serving.try_join_next().is_some() {}
        if self.serving.len() < self.limits.connections {
            let (service, lifecycle) = (self.service.clone(), self.lifecycle.clone());
            self.serving.spawn(connection::serve(stream, peer, service, lifecycle, self.limits));
            return;
        }
        if self.limits.measured {
            metrics::connection_refused();
        }
        if self.refusing.len() < REFUSALS {
            self.refusing.spawn(connection::refuse(stream));
        }
    }

    /// Accepts the connections in the backlog. They would be reset when the listener closes.
    fn take_backlog(&mut self, listener: TcpListener) -> io::Result<()> {
        let listener = listener.into_std()?;
        loop {
            match listener.accept() {
                Ok((stream, peer)) => {
                    stream.set_nonblocking(true)?;
                    self.take(TcpStream::from_std(stream)?, peer.ip());
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    async fn finish(&mut self) {
        while let Some(finished) = self.serving.join_next().await {
            self.unfinished += usize::from(!matches!(finished, Ok(true)));
        }
        self.lifecycle.tasks.wait().await;
        while self.refusing.join_next().await.is_some() {}
    }
}
