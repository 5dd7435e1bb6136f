//! The server: takes connections, limits them, and lets them finish when the process is told to stop.
//!
//! `axum::serve` closes no connection on which nothing comes, neither while it serves nor when it stops. This
//! loop does both, so that silent clients hold nothing up.

mod connection;
mod load;
mod stream;

use std::{
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use axum::Router;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::http::{
    lifecycle::{Lifecycle, Phase},
    metrics,
};

/// How many connections may wait to be taken: a burst is no reason to refuse.
const BACKLOG: u32 = 4096;

/// How many refused clients are told so at once; more are cut off.
const REFUSALS: usize = 256;

/// What connections must keep to.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many may be open at once; one more is answered with 503 and closed.
    pub connections: usize,
    /// How long the first request may take to arrive with all of its headers.
    pub first_request: Duration,
    /// How long a connection may stay without a request. Longer than the 60 seconds of common load balancers,
    /// which otherwise send a request on a connection that is just being closed
    /// (AWS, "Application Load Balancers: connection idle timeout").
    pub idle: Duration,
    /// How long a request may take until the last of its answer is taken: more than its deadline.
    pub request: Duration,
    /// How long a request that is on its way may take to arrive once its connection is to close.
    pub last_request: Duration,
    /// How long the end of a last answer may stand still. The system takes megabytes at once and tells of progress in
    /// steps of as much, so a slow reader needs some seconds between them.
    pub linger: Duration,
    /// Whether its connections count in the metrics: those of the operators' own port do not.
    pub measured: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            first_request: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            request: Duration::from_secs(90),
            last_request: Duration::from_secs(1),
            linger: Duration::from_secs(10),
            measured: true,
        }
    }
}

/// A listener on `address`.
///
/// # Errors
/// If the system refuses.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A new process can listen where the one before has just ended.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves connections until the process drains, and then until each has finished or `drain` has passed.
/// Answers how many connections and tasks did not finish.
pub async fn run(
    listener: TcpListener,
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
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => server.take(stream, peer.ip()),
                Err(error) => recover(&error).await,
            },
            // Those that end before the process drains had no more to ask, or took nothing for too long.
            Some(_) = server.serving.join_next() => {}
            Some(_) = server.refusing.join_next() => {}
        }
    }
    if let Err(error) = server.take_those_who_wait(listener) {
        tracing::warn!(error.message = %error, "connections that waited to be taken were cut off");
    }
    if timeout(drain, server.finish()).await.is_err() {
        server.unfinished += server.serving.len() + lifecycle.tasks().len();
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
        // Those that have ended since need no place any more.
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

    /// Who is connected already, but was not taken yet, would be cut off when the listener closes.
    fn take_those_who_wait(&mut self, listener: TcpListener) -> io::Result<()> {
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
        self.lifecycle.tasks().wait().await;
        while self.refusing.join_next().await.is_some() {}
    }
}

/// After an error of `accept`: one of the connection itself is over with it; a lack of descriptors or memory needs
/// time to pass.
async fn recover(error: &io::Error) {
    let of_connection = [
        ErrorKind::ConnectionRefused,
        ErrorKind::ConnectionAborted,
        ErrorKind::ConnectionReset,
        ErrorKind::Interrupted,
    ];
    if !of_connection.contains(&error.kind()) {
        tracing::error!(error.message = %error, "a connection could not be taken");
        sleep(Duration::from_secs(1)).await;
    }
}
