//! Sends events to webhooks, only to permitted addresses and without following redirects.

use std::{error::Error as StdError, time::Duration};

use anyhow::Context as _;
use jiff::Timestamp;
use reqwest::{
    Client, StatusCode,
    dns::{Addrs, Name, Resolve, Resolving},
    header,
};

use crate::{
    http::client,
    records::{
        deliveries::model::{Delivery, Outcome},
        webhooks::model::target::{AllowList, is_public},
    },
};

/// The timeout of a request to a receiver.
pub const TIMEOUT: Duration = Duration::from_secs(15);
/// How long an idle connection is kept open.
const IDLE: Duration = Duration::from_secs(30);
/// The media type of CloudEvents' structured mode.
const CONTENT_TYPE: &str = "application/cloudevents+json; charset=utf-8";

/// Sends events. Clones share connections.
#[derive(Debug, Clone)]
pub struct Sender {
    client: Client,
    allowed: AllowList,
}

impl Sender {
    /// Creates a sender to public addresses and to `allowed` hosts.
    pub fn new(allowed: AllowList, timeout: Duration) -> anyhow::Result<Self> {
        let client = client::builder(timeout)
            .pool_idle_timeout(IDLE)
            .dns_resolver(Resolver(allowed.clone()))
            .build()
            .context("this system has no TLS roots")?;
        Ok(Self { client, allowed })
    }

    /// Sends an event once. Returns the outcome and the HTTP status, if there was a response.
    /// `signature` is the `webhook-signature` at the instant `at`.
    pub async fn send(
        &self,
        url: &str,
        delivery: &Delivery,
        at: Timestamp,
        signature: &str,
    ) -> (Outcome, Option<u16>) {
        // IP addresses in the URL are checked here, because only names reach the resolver.
        let Ok(url) = self.allowed.check(url) else {
            return (Outcome::Forbidden, None);
        };
        let request = self
            .client
            .post(url)
            .header(header::CONTENT_TYPE, CONTENT_TYPE)
            .header("webhook-id", &delivery.event_id)
            .header("webhook-timestamp", at.as_second())
            .header("webhook-signature", signature)
            .body(delivery.payload.clone());
        match request.send().await {
            // The response body is never read. The connection is closed instead.
            Ok(response) => {
                let outcome = match response.status() {
                    StatusCode::GONE => Outcome::Gone,
                    status if status.is_success() => Outcome::Delivered,
                    _ => Outcome::Refused,
                };
                (outcome, Some(response.status().as_u16()))
            }
            Err(error) if is_forbidden(&error) => (Outcome::Forbidden, None),
            Err(error) if error.is_timeout() => (Outcome::TimedOut, None),
            Err(_) => (Outcome::Unreachable, None),
        }
    }
}

fn is_forbidden(error: &(dyn StdError + 'static)) -> bool {
    error.is::<NoPublicAddress>() || error.source().is_some_and(is_forbidden)
}

/// The error of a host name without a permitted address.
#[derive(Debug, thiserror::Error)]
#[error("the host name has no public address")]
struct NoPublicAddress;

/// Resolves names to permitted addresses only. The connection uses the addresses that were checked.
#[derive(Debug)]
struct Resolver(AllowList);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.0.has_host(name.as_str());
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<_> =
                found.filter(|address| allowed || is_public(address.ip())).collect();
            if found.is_empty() {
                return Err(NoPublicAddress.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sender connects to the address that was checked, even if the name resolved to another
    /// one when the URL was checked.
    #[tokio::test]
    async fn nothing_connects_to_what_a_name_leads_to_if_that_is_forbidden() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        // Bypasses the URL check, which would refuse the URL earlier.
        let send = async |allowed: AllowList| {
            let sender = Sender::new(allowed, TIMEOUT).unwrap();
            sender.client.post(format!("http://localhost:{port}/")).send().await
        };
        let refused = send(AllowList::default()).await.unwrap_err();
        assert!(is_forbidden(&refused), "{refused:?}");
        // A connection would already be in the backlog.
        assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        tokio::select! {
            connected = listener.accept() => assert!(connected.is_ok()),
            sent = send(format!("localhost:{port}").parse().unwrap()) => panic!("{sent:?}"),
        }
    }
}
