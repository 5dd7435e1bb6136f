//! Compression of responses, and the entity tags of compressed responses.
//!
//! All responses may be compressed. The BREACH attack needs a secret in a response, text of the attacker in the same response, and
//! a browser that the attacker can make repeat the request. Browsers do not attach bearer tokens by themselves, so another
//! site cannot make them repeat a request. The secrets of holds and webhooks are random, and each is in one response only. A
//! replay returns the same text. `docs/threat-model.md` states the remaining risk.

use std::convert::Infallible;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use futures_util::stream;
use http_body_util::{BodyExt as _, Collected};
use hyper::body::Bytes;
use moka::future::Cache;
use tower_http::compression::{
    CompressionLayer, Predicate,
    predicate::{NotForContentType, SizeAbove},
};

use super::etag;
use crate::error::ApiError;

/// The smallest response that is compressed. A smaller one fits into one packet anyway.
const MIN_BYTES: u16 = 1024;

/// The layer that negotiates the coding and compresses. It skips responses that have a coding already.
pub fn layer() -> CompressionLayer<impl Predicate> {
    CompressionLayer::new().compress_when(SizeAbove::new(MIN_BYTES).and(NotForContentType::IMAGES))
}

/// Compresses a response as a whole and corrects its entity tag. No encoder stays in memory while a slow client reads.
pub async fn complete(request: Request, next: Next) -> Response {
    let sent = etag::if_none_match(request.headers());
    let mut response = next.run(request).await;
    if response.headers().contains_key(header::CONTENT_ENCODING) {
        response = match collected(response).await {
            Ok(response) => response,
            Err(error) => return error.into_response(),
        };
    }
    let status = response.status();
    correct_tag(status, response.headers_mut(), &sent);
    if status == StatusCode::NOT_MODIFIED {
        // axum would add `Content-Length: 0` for an empty body. The header would state the length of the 200.
        *response.body_mut() = Body::from_stream(stream::empty::<Result<Bytes, Infallible>>());
    }
    response
}

async fn collected(response: Response) -> Result<Response, ApiError> {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(|_| ApiError::internal())?;
    Ok(Response::from_parts(parts, Body::from(body.to_bytes())))
}

/// Sets the entity tag of the coding: a strong tag identifies one sequence of bytes (RFC 9110, section 8.8.3.3). A 304 has the
/// tag of the response that the caller has: the one that it sent.
fn correct_tag(status: StatusCode, headers: &mut HeaderMap, sent: &[HeaderValue]) {
    let Some(tag) = headers.get(header::ETAG) else { return };
    let is_304 = status == StatusCode::NOT_MODIFIED;
    let coding = headers.get(header::CONTENT_ENCODING);
    let tag = match coding {
        Some(coding) => etag::of_coding(tag, coding),
        None if is_304 => etag::of_not_modified(sent, tag),
        None => None,
    };
    if let Some(tag) = tag {
        headers.insert(header::ETAG, tag);
    }
    if is_304 {
        headers.entry(header::VARY).or_insert(HeaderValue::from(header::ACCEPT_ENCODING));
    }
}

/// Compressed responses that are the same for every caller, by entity tag and coding.
pub type Compressed = Cache<(HeaderValue, HeaderValue), Bytes>;

/// Returns an empty cache of at most 8 MiB. All pages in all codings take 4 MiB.
pub fn cache() -> Compressed {
    let size = |_: &_, bytes: &Bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    Cache::builder().weigher(size).max_capacity(8 * 1024 * 1024).build()
}

/// Compresses each response once per coding. These pages need no token, and compression is the most expensive part of a response.
pub async fn reuse(State(cache): State<Compressed>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let headers = response.headers();
    let (Some(tag), Some(coding)) =
        (headers.get(header::ETAG), headers.get(header::CONTENT_ENCODING))
    else {
        return response;
    };
    let key = (tag.clone(), coding.clone());
    let (parts, body) = response.into_parts();
    let compress = async { body.collect().await.map(Collected::to_bytes) };
    match cache.try_get_with(key, compress).await {
        Ok(bytes) => Response::from_parts(parts, Body::from(bytes)),
        Err(_) => ApiError::internal().into_response(),
    }
}
