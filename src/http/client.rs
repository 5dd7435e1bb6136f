//! The HTTP client for outgoing requests: webhooks, the issuer's keys, and the service's health
//! check.

use std::time::Duration;

use reqwest::{Client, ClientBuilder, redirect::Policy};

/// Returns a client builder: HTTP/1.1, no redirects, no proxy, and rustls with the system's root
/// certificates. `timeout` limits the whole exchange, from DNS resolution to the end of the body.
pub fn builder(timeout: Duration) -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("clinic-api/", env!("CARGO_PKG_VERSION")))
        .http1_only()
        .redirect(Policy::none())
        .no_proxy()
        .timeout(timeout)
        // Divided among the addresses of a name: if the first is dead, there is time for the next.
        .connect_timeout(timeout)
}
