//! Download of one small document from a URL.

use std::{io::ErrorKind, time::Duration};

use axum::body::Bytes;
use http_body_util::{BodyExt as _, Limited};
use reqwest::{Body, StatusCode, Url, header};

use crate::{
    http::client,
    sensitive::{LogSafe, io_kind},
};

/// The timeout of the whole exchange.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The maximum size of a document. The keys of an issuer are smaller.
const MAX_BYTES: usize = 256 * 1024;

/// The reason why a download failed. It quotes nothing of the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The timeout expired.
    #[error("the request took longer than {TIMEOUT:?}")]
    TimedOut,
    /// The system has no TLS root certificates.
    #[error("the system has no TLS root certificates")]
    NoRoots,
    /// No connection, because of a network error.
    #[error("the server is not reachable: {0}")]
    Network(ErrorKind),
    /// No connection, or no HTTP response.
    #[error("the server is not reachable")]
    Unreachable,
    /// The status is not 200.
    #[error("the server returned HTTP status {0}")]
    Status(u16),
    /// The body is too long or incomplete.
    #[error("the response is incomplete or longer than {MAX_BYTES} bytes")]
    BrokeOff,
}

impl LogSafe for FetchError {}

/// Downloads a document. Does not follow redirects.
pub async fn get(url: &Url) -> Result<Bytes, FetchError> {
    let client = client::builder(TIMEOUT).build().map_err(|_| FetchError::NoRoots)?;
    let request = client.get(url.clone()).header(header::ACCEPT, "application/json");
    let response = request.send().await.map_err(|error| match io_kind(&error) {
        _ if error.is_timeout() => FetchError::TimedOut,
        Some(kind) => FetchError::Network(kind),
        None => FetchError::Unreachable,
    })?;
    if response.status() != StatusCode::OK {
        return Err(FetchError::Status(response.status().as_u16()));
    }
    let body = Limited::new(Body::from(response), MAX_BYTES).collect().await;
    Ok(body.map_err(|_| FetchError::BrokeOff)?.to_bytes())
}
