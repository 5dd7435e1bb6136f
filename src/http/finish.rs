//! Work that must not stop half-way because the caller hung up.

use opentelemetry::context::FutureExt as _;
use tracing::Instrument as _;

use super::lifecycle::Lifecycle;
use crate::error::{ApiError, ErrorCode};

/// Does `work` to its end, also if the connection goes away meanwhile. A process that stops waits for it.
///
/// # Errors
/// 500 if it panicked.
pub async fn to_the_end<T: Send + 'static>(
    lifecycle: &Lifecycle,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, ApiError> {
    let done = lifecycle.tasks().spawn(work.in_current_span().with_current_context()).await;
    done.map_err(|panicked| {
        tracing::error!(error.message = %panicked, "a deletion did not come to its end");
        ApiError::new(ErrorCode::InternalError, "The error is in our log under this request id.")
    })
}
