//! A fixed limit of concurrent requests. A request above the limit gets 503 at once, so that it
//! does not slow down all others.

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request},
    response::{IntoResponse as _, Response},
};
use tokio::sync::Semaphore;

use super::PROBES;
use crate::error::{ApiError, ErrorCode};

/// The limit of concurrent requests of one service. Clones share the permits.
#[derive(Debug, Clone)]
pub struct ConcurrencyLimit(Arc<Semaphore>);

impl ConcurrencyLimit {
    /// A limit of `requests` at a time.
    pub fn new(requests: usize) -> Self {
        Self(Arc::new(Semaphore::new(requests.min(Semaphore::MAX_PERMITS))))
    }

    /// Runs `next` with a permit, or returns 503 `overloaded` with `Retry-After` if none is left.
    ///
    /// The request holds the permit while its body arrives (at most 10 seconds) and until the
    /// handler returns the response. Sending the response only counts in the organisation's share.
    pub async fn admit(
        &self,
        request: Request,
        next: impl AsyncFnOnce(Request) -> Response,
    ) -> Response {
        let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        // An orchestrator restarts a process whose probes fail, which makes an overload worse.
        if path.is_some_and(|path| PROBES.contains(&path)) {
            return next(request).await;
        }
        let Ok(_permit) = self.0.try_acquire() else {
            let detail = "The service is at its concurrency limit and did not process the request. Retry after the time in Retry-After.";
            return ApiError::new(ErrorCode::Overloaded, detail).retry_later().into_response();
        };
        next(request).await
    }
}
