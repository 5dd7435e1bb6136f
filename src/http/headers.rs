//! Security and cache headers of responses, and the limit of request headers.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse as _, Response},
};

use super::cors::AllowedOrigins;
use crate::error::{ApiError, ErrorCode};

/// The maximum number of header fields in a request. hyper has the same limit for HTTP/1.1; for
/// HTTP/2 it only limits their size.
const MAX_HEADERS: usize = 100;

/// API responses are data: no browser may execute or frame them.
const CSP_OF_DATA: &str = "default-src 'none'; frame-ancestors 'none'";
/// Swagger UI: its own scripts and styles, inline styles, and images embedded in them.
const CSP_OF_DOCS: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The settings of response headers.
#[derive(Debug, Clone, Default)]
pub struct HeaderSettings {
    /// `max-age` of `Strict-Transport-Security`, in seconds (RFC 6797). `None` omits the header.
    pub hsts_max_age: Option<u32>,
    /// Whether responses have a `Server-Timing` header.
    pub server_timing: bool,
    /// The origins whose pages may call the API from a browser.
    pub cors_origins: AllowedOrigins,
}

/// Rejects requests with too many headers, and adds the security headers to every response.
pub async fn protect(
    settings: &HeaderSettings,
    request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let of_docs = request.uri().path().starts_with("/docs");
    let mut response = if request.headers().len() > MAX_HEADERS {
        let detail = format!("The request has more than {MAX_HEADERS} header fields. Send fewer.");
        ApiError::new(ErrorCode::TooManyHeaders, detail).into_response()
    } else {
        next(request).await
    };
    let headers = response.headers_mut();
    // Reserve once: the map would otherwise be reallocated twice.
    headers.reserve(8);
    let csp = if of_docs { CSP_OF_DOCS } else { CSP_OF_DATA };
    set(headers, header::CONTENT_SECURITY_POLICY, csp);
    set(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(headers, header::X_FRAME_OPTIONS, "DENY");
    set(headers, header::REFERRER_POLICY, "no-referrer");
    set(headers, HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let hsts = settings.hsts_max_age.map(|seconds| format!("max-age={seconds}; includeSubDomains"));
    if let Some(hsts) = hsts.and_then(|hsts| HeaderValue::try_from(hsts).ok()) {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, hsts);
    }
    response
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}
