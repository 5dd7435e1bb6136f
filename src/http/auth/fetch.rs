//! One small document from a URL.

use std::{io::ErrorKind, time::Duration};

use axum::body::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Request, StatusCode, Uri, header};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::time::timeout;

use crate::sensitive::{OwnWords, io_kind};

/// How long it may take as a whole.
const PATIENCE: Duration = Duration::from_secs(5);
/// More than any issuer's keys take.
const MAX_BYTES: usize = 256 * 1024;

/// What kept a document from arriving. It quotes nothing of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// It took too long.
    #[error("it took longer than {PATIENCE:?}")]
    TimedOut,
    /// The system trusts nobody.
    #[error("this system has no roots of TLS")]
    NoRoots,
    /// No connection, for a reason of the network.
    #[error("it can't be reached: {0}")]
    Network(ErrorKind),
    /// No connection, or no HTTP on it.
    #[error("it can't be reached")]
    Unreachable,
    /// Another status than 200.
    #[error("it answered with HTTP status {0}")]
    Status(u16),
    /// The body is too long, or did not arrive as a whole.
    #[error("its answer broke off, or is longer than {MAX_BYTES} bytes")]
    BrokeOff,
}

impl OwnWords for FetchError {}

/// Gets a document; redirects are not followed.
///
/// # Errors
/// What kept it from arriving, for the log.
pub async fn get(uri: &Uri) -> Result<Bytes, FetchError> {
    timeout(PATIENCE, get_patiently(uri)).await.map_err(|_| FetchError::TimedOut)?
}

async fn get_patiently(uri: &Uri) -> Result<Bytes, FetchError> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(provider)
        .map_err(|_| FetchError::NoRoots)?
        .https_or_http()
        .enable_http1()
        .build();
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let request =
        Request::get(uri).header(header::ACCEPT, "application/json").body(Empty::<Bytes>::new());
    let request = request.map_err(|_| FetchError::Unreachable)?;
    let answer = client.request(request).await;
    let answer = answer
        .map_err(|error| io_kind(&error).map_or(FetchError::Unreachable, FetchError::Network))?;
    if answer.status() != StatusCode::OK {
        return Err(FetchError::Status(answer.status().as_u16()));
    }
    let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await;
    Ok(body.map_err(|_| FetchError::BrokeOff)?.to_bytes())
}
