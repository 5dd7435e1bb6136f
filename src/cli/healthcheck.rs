//! `clinic-api healthcheck`: asks the service on this machine whether it is ready.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use anyhow::Context as _;
use axum::body::Bytes;
use http_body_util::Empty;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};

const DEADLINE: Duration = Duration::from_secs(3);

/// Whether the service that listens on `listen` answers that it is ready.
///
/// # Errors
/// Why it can't be asked.
pub async fn run(listen: SocketAddr) -> anyhow::Result<bool> {
    let address = reachable(listen);
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let uri = format!("http://{address}/readyz").parse()?;
    let answer = tokio::time::timeout(DEADLINE, client.get(uri)).await;
    let answer = answer.with_context(|| format!("{address} did not answer in {DEADLINE:?}"))?;
    let status = answer.with_context(|| format!("{address} can't be reached"))?.status();
    println!("{address}: {status}");
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
