//! The server: takes connections, limits them, and lets them finish when the process is told to stop.
//!
//! `axum::serve` closes no connection on which nothing comes, neither while it serves nor when it stops. This
//! loop does both, so that silent clients hold nothing up.

mod connection;
mod load;

use std::{io::ErrorKind, time::Duration};

use axum::Router;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::sleep,
};

use crate::http::lifecycle::{Lifecycle, Phase};

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
    /// How long a request that is on its way may take to arrive once the process stops.
    pub last_request: Duration,
    /// How long the end of a last answer may take to be sent.
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            first_request: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            last_request: Duration::from_secs(1),
            linger: Duration::from_secs(3),
        }
    }
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
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = lifecycle.reached(Phase::Draining) => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    take(&mut connections, stream, &service, lifecycle, limits);
                }
                Err(error) => recover(&error).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
    take_those_who_wait(&listener, &mut connections, &service, lifecycle, limits).await;
    drop(listener);
    let finished = async {
        while connections.join_next().await.is_some() {}
        lifecycle.tasks().wait().await;
    };
    if tokio::time::timeout(drain, finished).await.is_err() {
        return connections.len() + lifecycle.tasks().len();
    }
    0
}

fn take(
    connections: &mut JoinSet<()>,
    stream: TcpStream,
    service: &Router,
    lifecycle: &Lifecycle,
    limits: Limits,
) {
    // Those that have ended since need no place any more.
    while connections.try_join_next().is_some() {}
    if connections.len() >= limits.connections {
        connection::refuse(&stream);
        return;
    }
    let serving = connection::serve(stream, service.clone(), lifecycle.clone(), limits);
    connections.spawn(serving);
}

/// Who is connected already, but was not taken yet, would be cut off when the listener closes.
async fn take_those_who_wait(
    listener: &TcpListener,
    connections: &mut JoinSet<()>,
    service: &Router,
    lifecycle: &Lifecycle,
    limits: Limits,
) {
    loop {
        tokio::select! {
            biased;
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => take(connections, stream, service, lifecycle, limits),
                Err(_) => return,
            },
            () = std::future::ready(()) => return,
        }
    }
}

/// After an error of `accept`: one of the connection itself is over with it; a lack of descriptors or memory needs
/// time to pass.
async fn recover(error: &std::io::Error) {
    let of_connection = [
        ErrorKind::ConnectionRefused,
        ErrorKind::ConnectionAborted,
        ErrorKind::ConnectionReset,
        ErrorKind::Interrupted,
    ];
    if !of_connection.contains(&error.kind()) {
        tracing::error!(cause = %error, "a connection could not be taken");
        sleep(Duration::from_secs(1)).await;
    }
}
