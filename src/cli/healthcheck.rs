//! `clinic-api healthcheck`: asks the service on this machine whether it is ready, or lives.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use anyhow::Context as _;
use axum::body::Bytes;
use http_body_util::Empty;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};

use crate::config::HealthcheckArgs;

/// Longer than the service takes to find out whether it is ready.
const DEADLINE: Duration = Duration::from_secs(4);

/// Whether the service answers that it is ready, or lives.
///
/// # Errors
/// Why it can't be asked.
pub async fn run(settings: &HealthcheckArgs) -> anyhow::Result<bool> {
    let address = reachable(settings.listen.listen);
    let path = if settings.live { "livez" } else { "readyz" };
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let uri = format!("http://{address}/{path}").parse()?;
    let answer = tokio::time::timeout(DEADLINE, client.get(uri)).await;
    let answer = answer.with_context(|| format!("{address} did not answer in {DEADLINE:?}"))?;
    let status = answer.with_context(|| format!("{address} can't be reached"))?.status();
    println!("{address}/{path}: {status}");
    Ok(status.is_success())
}

/// Who listens on all addresses is asked on the loopback one.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
