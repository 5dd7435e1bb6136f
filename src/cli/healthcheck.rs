//! `clinic-api healthcheck`: checks the readiness or liveness of the service on this machine.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use anyhow::Context as _;

use crate::{config::HealthcheckArgs, http::client};

/// The request timeout. It exceeds the time that the service takes for its own readiness check.
const TIMEOUT: Duration = Duration::from_secs(4);

/// Returns whether the service reports that it is ready, or alive.
pub async fn run(settings: &HealthcheckArgs) -> anyhow::Result<bool> {
    let address = reachable(settings.listen.listen);
    let path = if settings.live { "livez" } else { "readyz" };
    // Without TLS: it then works without TLS roots and does not read them on each call.
    let client = client::builder(TIMEOUT).tls_certs_only([]).build()?;
    let response = client.get(format!("http://{address}/{path}")).send().await;
    let response = response.map_err(reqwest::Error::without_url);
    let status = response.with_context(|| format!("{address} can't be reached"))?.status();
    println!("{address}/{path}: {status}");
    Ok(status.is_success())
}

/// Returns the loopback address if the service listens on all addresses.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
