//! `X-Request-Id`: taken from the request if well-formed, generated otherwise, and always returned.

use std::sync::Arc;

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue},
    response::Response,
};

use crate::id::random_token;

/// The header's name.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request, in two forms. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId {
    /// The id that the caller sees and may have chosen.
    pub public: Arc<str>,
    /// The id in the items that the request writes. It is unique even if callers reuse ids, so that
    /// a request recognises its own writes.
    pub unique: Arc<str>,
}

impl RequestId {
    /// Returns the id for the value of the header.
    pub fn from_header(header: Option<&HeaderValue>) -> Self {
        let nonce: Arc<str> = random_token().into();
        let sent = header.and_then(|value| value.to_str().ok()).filter(|id| is_well_formed(id));
        let Some(sent) = sent else { return Self { public: nonce.clone(), unique: nonce } };
        Self { public: sent.into(), unique: format!("{sent}~{nonce}").into() }
    }
}

fn is_well_formed(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:/+=".contains(&b))
}

/// Assigns an id to every request, and returns it in the response.
pub async fn assign(mut request: Request, next: impl AsyncFnOnce(Request) -> Response) -> Response {
    let id = RequestId::from_header(request.headers().get(X_REQUEST_ID));
    let header = HeaderValue::from_str(&id.public);
    request.extensions_mut().insert(id);
    let mut response = next(request).await;
    if let Ok(header) = header {
        response.headers_mut().insert(X_REQUEST_ID, header);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_id_is_kept_but_made_unique_for_items() {
        let header = HeaderValue::from_static("trace-1");
        let (a, b) = (RequestId::from_header(Some(&header)), RequestId::from_header(Some(&header)));
        assert_eq!((a.public.as_ref(), b.public.as_ref()), ("trace-1", "trace-1"));
        assert_ne!(a.unique, b.unique);
        // Ids that could forge a log line are replaced.
        for bad in ["", "a b", "a\"b", &"x".repeat(129)] {
            let header = HeaderValue::from_str(bad).unwrap();
            assert_ne!(RequestId::from_header(Some(&header)).public.as_ref(), bad);
        }
    }
}
