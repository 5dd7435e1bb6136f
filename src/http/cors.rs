//! Cross-origin requests (the Fetch standard's CORS protocol), for the origins that an operator lists.

use std::{str::FromStr, time::Duration};

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::CorsLayer;
use url::Url;

use super::{request_id::X_REQUEST_ID, server_timing::SERVER_TIMING};

/// How long browsers may cache the answer to a preflight request: the maximum of Chromium.
const MAX_AGE: Duration = Duration::from_hours(2);

/// The methods of the API.
const METHODS: [Method; 4] = [Method::GET, Method::POST, Method::PATCH, Method::DELETE];

/// The origins whose pages may call the API from a browser. None by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedOrigins(Vec<HeaderValue>);

/// A setting that is not a list of origins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not an origin: write scheme, host and a port other than the scheme's default, as https://desk.example.org"
)]
pub struct InvalidOrigin(String);

impl FromStr for AllowedOrigins {
    type Err = InvalidOrigin;

    /// Parses origins separated by commas. Browsers send an origin in one form, so another form would never match.
    fn from_str(setting: &str) -> Result<Self, InvalidOrigin> {
        let origin = |text: &str| {
            let text = text.trim();
            let url = Url::parse(text).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
            let serialised = url.map(|url| url.origin().ascii_serialization());
            serialised
                .filter(|serialised| serialised == text)
                .and_then(|origin| HeaderValue::try_from(origin).ok())
                .ok_or_else(|| InvalidOrigin(text.to_owned()))
        };
        setting.split(',').map(origin).collect::<Result<_, _>>().map(Self)
    }
}

/// The headers of responses that scripts may read, besides those that they may always read.
fn exposed() -> [HeaderName; 9] {
    [
        header::ALLOW,
        header::ETAG,
        header::LOCATION,
        HeaderName::from_static("ratelimit"),
        HeaderName::from_static("ratelimit-policy"),
        header::RETRY_AFTER,
        SERVER_TIMING,
        header::WWW_AUTHENTICATE,
        X_REQUEST_ID,
    ]
}

/// The headers of requests that scripts may send, besides those that they may always send.
fn accepted() -> [HeaderName; 8] {
    [
        header::AUTHORIZATION,
        header::CONTENT_TYPE,
        HeaderName::from_static("idempotency-key"),
        header::IF_MATCH,
        header::IF_NONE_MATCH,
        HeaderName::from_static("traceparent"),
        HeaderName::from_static("tracestate"),
        X_REQUEST_ID,
    ]
}

/// The layer that answers preflight requests and lets scripts read responses; none without origins. No cookies are involved, so
/// credentials in the sense of CORS are not allowed.
pub fn layer(origins: &AllowedOrigins) -> Option<CorsLayer> {
    let AllowedOrigins(origins) = origins;
    (!origins.is_empty()).then(|| {
        CorsLayer::new()
            .allow_origin(origins.clone())
            .allow_methods(METHODS)
            .allow_headers(accepted())
            .expose_headers(exposed())
            .max_age(MAX_AGE)
            .vary([header::ORIGIN])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_browser_sends_is_an_origin() {
        let parsed = "https://desk.example.org,http://localhost:3000, https://[::1]:8443";
        assert_eq!(parsed.parse::<AllowedOrigins>().unwrap().0.len(), 3);
        for bad in [
            "",
            "*",
            "null",
            "desk.example.org",
            "https://desk.example.org/",
            "https://desk.example.org:443",
            "https://Desk.example.org",
            "https://desk.example.org/app",
            "https://user@desk.example.org",
            "file:///desk",
            "ftp://desk.example.org",
            "https://desk.example.org,",
            "https://bücher.example",
        ] {
            assert!(bad.parse::<AllowedOrigins>().is_err(), "{bad}");
        }
    }
}
