//! The HTTP client for calls of other systems: webhooks, the issuer's keys, and the service's own health check.

use std::time::Duration;

use reqwest::{Client, ClientBuilder, redirect::Policy};

/// A client that speaks HTTP/1.1, follows no redirects and uses no proxy. Its TLS is rustls with the system's roots.
/// `timeout` is the limit of a whole exchange, from the name's resolution to the end of the body.
pub fn builder(timeout: Duration) -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("clinic-api/", env!("CARGO_PKG_VERSION")))
        .http1_only()
        .redirect(Policy::none())
        .no_proxy()
        .timeout(timeout)
        // Shared by the addresses of a name: if the first does not answer, the next one is tried in time.
        .connect_timeout(timeout)
}
