//! `clinic-api healthcheck`: the readiness or liveness of the service on this machine.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use anyhow::Context as _;

use crate::{config::HealthcheckArgs, http::client};

/// Longer than the service takes to check its readiness.
const TIMEOUT: Duration = Duration::from_secs(4);

/// Returns whether the service answers that it is ready, or alive.
pub async fn run(settings: &HealthcheckArgs) -> anyhow::Result<bool> {
    let address = reachable(settings.listen.listen);
    let path = if settings.live { "livez" } else { "readyz" };
    // Without TLS, so that it works on a system without TLS roots and does not read them each time.
    let client = client::builder(TIMEOUT).tls_certs_only([]).build()?;
    let response = client.get(format!("http://{address}/{path}")).send().await;
    let response = response.map_err(reqwest::Error::without_url);
    let status = response.with_context(|| format!("{address} can't be reached"))?.status();
    println!("{address}/{path}: {status}");
    Ok(status.is_success())
}

/// The loopback address for a service that listens on all addresses.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
