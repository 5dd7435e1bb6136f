//! One small document from a URL.

use std::{io::ErrorKind, time::Duration};

use axum::body::Bytes;
use http_body_util::{BodyExt as _, Limited};
use reqwest::{Body, StatusCode, Url, header};

use crate::{
    http::client,
    sensitive::{LogSafe, io_kind},
};

/// The limit of the whole exchange.
const TIMEOUT: Duration = Duration::from_secs(5);
/// More than any issuer's keys take.
const MAX_BYTES: usize = 256 * 1024;

/// What kept a document from arriving. It quotes nothing of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// It took too long.
    #[error("it took longer than {TIMEOUT:?}")]
    TimedOut,
    /// The system has no TLS roots.
    #[error("this system has no TLS roots")]
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

impl LogSafe for FetchError {}

/// Gets a document; redirects are not followed.
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
