//! A fixed limit of concurrent requests. A request above it gets 503 at once instead of making all others slow.

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request},
    response::{IntoResponse as _, Response},
};
use tokio::sync::Semaphore;

use crate::error::{ApiError, ErrorCode};

/// Never rejected: an orchestrator restarts a process whose probes fail, which makes an overload worse.
const PROBES: [&str; 3] = ["/livez", "/readyz", "/version"];

/// The limit of concurrent requests of one service. Clones share the permits.
#[derive(Debug, Clone)]
pub struct ConcurrencyLimit(Arc<Semaphore>);

impl ConcurrencyLimit {
    /// A limit of `requests` at a time.
    pub fn new(requests: usize) -> Self {
        Self(Arc::new(Semaphore::new(requests.min(Semaphore::MAX_PERMITS))))
    }

    /// Runs `next` with a permit, or answers 503 `overloaded` with Retry-After if there is none. The permit is held while the
    /// request's body arrives (10 seconds at most) and until the response is made, not while the client reads it.
    pub async fn admit(
        &self,
        request: Request,
        next: impl AsyncFnOnce(Request) -> Response,
    ) -> Response {
        let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        if path.is_some_and(|path| PROBES.contains(&path)) {
            return next(request).await;
        }
        let Ok(_permit) = self.0.try_acquire() else {
            let detail = "Too many concurrent requests. Nothing was done; try again.";
            return ApiError::new(ErrorCode::Overloaded, detail).retry_later().into_response();
        };
        next(request).await
    }
}
