//! A bound on how many requests are under way at once: one more is turned away at once, rather than all made slow.

mod places;
mod queue;

use axum::{
    extract::{MatchedPath, Request},
    response::{IntoResponse as _, Response},
};
pub use places::Places;

use crate::error::{ApiError, ErrorCode};

/// What asks whether the process is there must be answered when it is busy as well, or it is ended for it.
const PROBES: [&str; 3] = ["/livez", "/readyz", "/version"];

/// Lets a request pass if there is a place for it.
pub async fn shed(
    places: &Places,
    request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    if path.is_some_and(|path| PROBES.contains(&path)) {
        return next(request).await;
    }
    places.look_at_queue();
    let Some(_place) = places.take() else {
        let detail = "Too many requests are under way. Nothing was done; try again.";
        return ApiError::new(ErrorCode::Overloaded, detail).retry_later().into_response();
    };
    next(request).await
}
