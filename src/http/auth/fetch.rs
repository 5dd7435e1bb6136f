//! One small document from a URL.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use axum::body::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Request, StatusCode, Uri, header};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::time::timeout;

/// How long it may take as a whole.
const PATIENCE: Duration = Duration::from_secs(5);
/// More than any issuer's keys take.
const MAX_BYTES: usize = 256 * 1024;

/// Gets a document; redirects are not followed.
///
/// # Errors
/// What kept it from arriving, for the log.
pub async fn get(uri: &Uri) -> anyhow::Result<Bytes> {
    let document = timeout(PATIENCE, get_patiently(uri)).await;
    document.with_context(|| format!("{uri} took longer than {PATIENCE:?}"))?
}

async fn get_patiently(uri: &Uri) -> anyhow::Result<Bytes> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(provider)
        .context("this system has no roots of TLS")?
        .https_or_http()
        .enable_http1()
        .build();
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let request =
        Request::get(uri).header(header::ACCEPT, "application/json").body(Empty::<Bytes>::new())?;
    let answer =
        client.request(request).await.with_context(|| format!("{uri} can't be reached"))?;
    ensure!(answer.status() == StatusCode::OK, "{uri} answered {}", answer.status());
    let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await;
    let body =
        body.map_err(|error| anyhow::anyhow!(error)).with_context(|| format!("{uri} broke off"))?;
    Ok(body.to_bytes())
}
