//! The server: accepts connections, limits them, and lets them finish when the process stops.
//!
//! `axum::serve` and the graceful shutdown of `hyper-util` close no silent connection, neither while they serve nor when they
//! stop. This loop does both, so that silent clients hold nothing up.

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

/// The connections that may wait to be accepted: a burst is no reason to refuse.
const BACKLOG: u32 = 4096;

/// The limit of concurrent refusals; a connection above it is cut off.
const REFUSALS: usize = 256;

/// A listener on `address`.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A new process can listen where the one before has just ended.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves connections until the process drains, and then until each has finished or `drain` has passed.
/// Returns the number of connections and tasks that did not finish.
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
            // axum's accept logs errors and waits while descriptors are used up.
            (stream, peer) = Listener::accept(&mut listener) => server.take(stream, peer.ip()),
            // Connections that end before the process drains had no more requests, or took nothing for too long.
            Some(_) = server.serving.join_next() => {}
            Some(_) = server.refusing.join_next() => {}
        }
    }
    if let Err(error) = server.take_backlog(listener) {
        tracing::warn!(error.message = %error, "connections that waited to be accepted were cut off");
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
        // Connections that have ended count no more.
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

    /// Accepts the connections of the backlog, which would be cut off when the listener closes.
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
