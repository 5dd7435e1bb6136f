//! Sends events: over HTTP, to addresses that may be reached, and never where an answer leads.

use std::{
    error::Error as StdError,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use anyhow::Context as _;
use http_body_util::Full;
use hyper::{Request, StatusCode, Uri, body::Bytes, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{HttpConnector, dns::Name},
    },
    rt::{TokioExecutor, TokioTimer},
};
use jiff::Timestamp;
use tokio::time::timeout;
use tower::Service;

use crate::{
    deliveries::model::Outcome,
    webhooks::model::target::{AllowList, is_public},
};

/// How long a receiver may take to answer.
pub const PATIENCE: Duration = Duration::from_secs(15);
/// How long a connection is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(30);
const USER_AGENT: &str = concat!("clinic-api/", env!("CARGO_PKG_VERSION"));
/// CloudEvents' structured mode.
const CONTENT_TYPE: &str = "application/cloudevents+json; charset=utf-8";

/// Sends events. Clones share connections.
#[derive(Debug, Clone)]
pub struct Sender {
    client: Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
    allowed: AllowList,
    patience: Duration,
}

/// What is sent.
#[derive(Debug)]
pub struct Message<'a> {
    /// Where it goes.
    pub url: &'a str,
    /// The event's id, the same with every attempt.
    pub id: &'a str,
    /// When it is sent.
    pub at: Timestamp,
    /// The `webhook-signature`.
    pub signature: &'a str,
    /// The event.
    pub payload: &'a str,
}

impl Sender {
    /// A sender to public addresses and to what is `allowed` beside them.
    ///
    /// # Errors
    /// If the system has no roots of TLS.
    pub fn new(allowed: AllowList, patience: Duration) -> anyhow::Result<Self> {
        let mut http = HttpConnector::new_with_resolver(Resolver(allowed.clone()));
        http.enforce_http(false);
        http.set_connect_timeout(Some(patience));
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(provider)
            .context("this system has no roots of TLS")?
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        Ok(Self { client, allowed, patience })
    }

    /// Sends an event once; what came of it, and the status of the answer.
    pub async fn send(&self, message: &Message<'_>) -> (Outcome, Option<u16>) {
        let Ok(uri) = self.allowed.check(message.url) else {
            return (Outcome::Forbidden, None);
        };
        let Ok(request) = request(uri, message) else {
            return (Outcome::Forbidden, None);
        };
        match timeout(self.patience, self.client.request(request)).await {
            // Of the body, nothing is read: the connection ends with it.
            Ok(Ok(answer)) => {
                let status = answer.status();
                let outcome = match status {
                    StatusCode::GONE => Outcome::Gone,
                    status if status.is_success() => Outcome::Delivered,
                    _ => Outcome::Refused,
                };
                (outcome, Some(status.as_u16()))
            }
            Ok(Err(error)) if is_forbidden(&error) => (Outcome::Forbidden, None),
            Ok(Err(error)) if is_timeout(&error) => (Outcome::TimedOut, None),
            Ok(Err(_)) => (Outcome::Unreachable, None),
            Err(_) => (Outcome::TimedOut, None),
        }
    }
}

fn request(uri: Uri, message: &Message<'_>) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    Request::post(uri)
        .header(header::CONTENT_TYPE, CONTENT_TYPE)
        .header(header::USER_AGENT, USER_AGENT)
        .header("webhook-id", message.id)
        .header("webhook-timestamp", message.at.as_second())
        .header("webhook-signature", message.signature)
        .body(Full::new(Bytes::copy_from_slice(message.payload.as_bytes())))
}

/// The error of the network beneath an error.
fn io_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a io::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref() {
            return Some(io);
        }
        next = error.source();
    }
    None
}

fn is_forbidden(error: &(dyn StdError + 'static)) -> bool {
    let inner = io_error(error).and_then(io::Error::get_ref);
    inner.is_some_and(<dyn StdError + Send + Sync>::is::<NoPublicAddress>)
}

fn is_timeout(error: &(dyn StdError + 'static)) -> bool {
    io_error(error).is_some_and(|io| io.kind() == io::ErrorKind::TimedOut)
}

/// A name that leads to no address that may be reached.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to no public address")]
struct NoPublicAddress;

/// Looks names up and leaves out the addresses that may not be reached: what is connected to is what was checked.
#[derive(Debug, Clone)]
struct Resolver(AllowList);

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let allowed = self.0.has_host(name.as_str());
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let may_be_reached = |address: &IpAddr| allowed || is_public(*address);
            let found: Vec<_> = found.filter(|address| may_be_reached(&address.ip())).collect();
            if found.is_empty() {
                return Err(io::Error::other(NoPublicAddress));
            }
            Ok(found.into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_that_lead_to_this_machine_are_forbidden_unless_they_are_allowed() {
        let resolve = async |allowed: AllowList| {
            Resolver(allowed).call("localhost".parse::<Name>().unwrap()).await
        };
        let refused = resolve(AllowList::default()).await.unwrap_err();
        assert!(is_forbidden(&refused), "{refused}");
        let mut found = resolve("localhost:9000".parse().unwrap()).await.unwrap();
        assert!(found.all(|address| address.ip().is_loopback()));
    }

    /// What is connected to is what was checked, whatever a name led to when its URL was.
    #[tokio::test]
    async fn nothing_connects_to_what_a_name_leads_to_if_that_is_forbidden() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("http://localhost:{port}/");
        let send = async |allowed: AllowList| {
            let sender = Sender::new(allowed, Duration::from_mins(5)).unwrap();
            let at = Timestamp::UNIX_EPOCH;
            let message = Message { url: &url, id: "1", at, signature: "", payload: "{}" };
            let request = request(url.parse().unwrap(), &message).unwrap();
            sender.client.request(request).await
        };
        let refused = send(AllowList::default()).await.unwrap_err();
        assert!(is_forbidden(&refused), "{refused:?}");
        // A connection would be waiting by now.
        assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let allowed = format!("localhost:{port}").parse().unwrap();
        tokio::select! {
            answered = send(allowed) => panic!("nobody answers: {answered:?}"),
            connected = listener.accept() => assert!(connected.is_ok()),
        }
    }
}
