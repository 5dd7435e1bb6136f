//! A bound on how many requests are under way at once: one more is turned away at once, rather than all made slow.

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tokio::sync::Semaphore;

use crate::error::{ApiError, ErrorCode};

/// What asks whether the process is there must be answered when it is busy as well, or it is ended for it.
const PROBES: [&str; 3] = ["/livez", "/readyz", "/version"];

/// The places that requests take.
#[derive(Debug, Clone)]
pub struct Places(Arc<Semaphore>);

impl Places {
    /// So many places.
    #[must_use]
    pub fn new(number: usize) -> Self {
        Self(Arc::new(Semaphore::new(number.min(Semaphore::MAX_PERMITS))))
    }
}

/// Lets a request pass if there is a place for it.
pub async fn shed(State(places): State<Places>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    if path.is_some_and(|path| PROBES.contains(&path)) {
        return next.run(request).await;
    }
    let Ok(_place) = places.0.try_acquire() else {
        let detail = "Too many requests are under way. Nothing was done; try again.";
        return ApiError::new(ErrorCode::Overloaded, detail).retry_later().into_response();
    };
    next.run(request).await
}
