//! What browsers and caches are told with every answer, and how many headers a request may have.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse as _, Response},
};

use crate::error::{ApiError, ErrorCode};

/// The most header fields of a request. hyper refuses as many on HTTP/1.1; on HTTP/2 it only knows their size.
const MAX_HEADERS: usize = 100;

/// Answers of the API are data: no browser runs or frames them.
const CSP_OF_DATA: &str = "default-src 'none'; frame-ancestors 'none'";
/// Swagger UI: its own scripts and styles, inline styles, and the images that it has inside them.
const CSP_OF_DOCS: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What the settings say of answers' headers.
#[derive(Debug, Clone, Default)]
pub struct HeaderSettings {
    /// How many seconds browsers keep to HTTPS (RFC 6797); they are told nothing if left out.
    pub hsts_max_age: Option<u32>,
    /// Whether callers are told what their answers took.
    pub server_timing: bool,
}

/// Refuses requests with too many headers, and gives every answer the headers that protect it.
pub async fn protect(
    settings: &HeaderSettings,
    request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let of_docs = request.uri().path().starts_with("/docs");
    let mut response = if request.headers().len() > MAX_HEADERS {
        let detail = format!("A request has at most {MAX_HEADERS} header fields.");
        ApiError::new(ErrorCode::TooManyHeaders, detail).into_response()
    } else {
        next(request).await
    };
    let headers = response.headers_mut();
    // At once: a map that grows as they come is made anew twice.
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
