//! Pages and files that are the same for every caller: the document, Swagger UI and the guide. Caches may keep them.

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use data_encoding::HEXLOWER;
use http_body_util::BodyExt as _;
use tower::ServiceBuilder;

use super::{compression, etag};
use crate::error::ApiError;

/// Caches use a page for five minutes without a request. After an upgrade, readers see the old page for up to this time.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// Adds `ETag` and `Cache-Control` to the responses of a router, returns 304 if the caller has the current version, and keeps
/// compressed responses in memory.
pub fn publish<S: Clone + Send + Sync + 'static>(pages: Router<S>) -> Router<S> {
    let layers = ServiceBuilder::new()
        .layer(middleware::from_fn(validate))
        .layer(middleware::from_fn_with_state(compression::cache(), compression::reuse))
        .layer(compression::layer())
        .layer(middleware::from_fn(tag));
    pages.layer(layers)
}

/// Adds the entity tag and the lifetime of a page.
async fn tag(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = body.collect().await else { return ApiError::internal().into_response() };
    let body = body.to_bytes();
    let hash = HEXLOWER.encode(&digest(&SHA256, &body).as_ref()[..16]);
    let Ok(tag) = HeaderValue::try_from(format!("\"{hash}\"")) else {
        return ApiError::internal().into_response();
    };
    parts.headers.insert(header::ETAG, tag);
    parts.headers.insert(header::CACHE_CONTROL, CACHE_CONTROL);
    Response::from_parts(parts, Body::from(body))
}

/// Returns 304 if the caller has the page in the coding that it accepts. The comparison includes the coding: a shared cache
/// takes the tag of a 304 for the tag of the stored response that it may use.
async fn validate(request: Request, next: Next) -> Response {
    let sent = etag::if_none_match(request.headers());
    let response = next.run(request).await;
    let headers = response.headers();
    let tag =
        headers.get(header::ETAG).and_then(|tag| match headers.get(header::CONTENT_ENCODING) {
            Some(coding) => etag::of_coding(tag, coding),
            None => Some(tag.clone()),
        });
    let Some(tag) = tag.filter(|tag| etag::lists(&sent, tag)) else { return response };
    let kept = [(header::ETAG, tag), (header::CACHE_CONTROL, CACHE_CONTROL)];
    (StatusCode::NOT_MODIFIED, kept).into_response()
}
