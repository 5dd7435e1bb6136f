//! `X-Request-Id`: taken from the caller if it is well-formed, made here otherwise, and always answered.

use std::sync::Arc;

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue},
    response::Response,
};

use crate::id::random_token;

/// The header's name.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request's id, in two forms. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId {
    /// What the caller sees, and may have chosen.
    pub public: Arc<str>,
    /// What stands in the items that the request writes, by which it knows its own work: unique even if callers repeat theirs.
    pub unique: Arc<str>,
}

impl RequestId {
    /// The id for what came in the header.
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

/// Gives every request its id and every response the same.
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
        // What could forge a line of the log is replaced.
        for bad in ["", "a b", "a\"b", &"x".repeat(129)] {
            let header = HeaderValue::from_str(bad).unwrap();
            assert_ne!(RequestId::from_header(Some(&header)).public.as_ref(), bad);
        }
    }
}
